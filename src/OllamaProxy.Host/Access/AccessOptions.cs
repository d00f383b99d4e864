namespace OllamaProxy.Host.Access;

/// <summary>Controls who may read the records.</summary>
internal sealed record AccessOptions
{
    /// <summary>The token that every reader must send; null when only this machine may read. 16 to 512 visible ASCII characters.</summary>
    public string? Token { get; init; }

    /// <summary>Whether this machine may read without the token. Off by default.</summary>
    public bool TrustsLocal { get; init; }

    /// <summary>Host names of the proxy, besides localhost and every IP address. They stop DNS rebinding, where a page uses another name.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];
}
