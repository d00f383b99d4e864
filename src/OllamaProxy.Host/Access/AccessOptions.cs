namespace OllamaProxy.Host.Access;

/// <summary>Who may read what was asked of the models.</summary>
internal sealed record AccessOptions
{
    /// <summary>What every reader must show; null when only this machine may read. 16 to 512 visible ASCII characters.</summary>
    public string? Token { get; init; }

    /// <summary>Whether this machine may read without the token. Off by default.</summary>
    public bool TrustsLocal { get; init; }

    /// <summary>Names by which the proxy is reached, besides localhost and every IP address. A page whose name was made to point here has another one.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];
}
