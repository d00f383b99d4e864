namespace OllamaProxy.Host.Access;

/// <summary>Who may read what was asked of the models.</summary>
internal sealed record AccessOptions
{
    /// <summary>What others than this machine must show; null when they may not read at all. 16 to 512 visible ASCII characters.</summary>
    public string? Token { get; init; }

    /// <summary>Names by which the proxy is reached, besides localhost and every IP address. A page whose name was made to point here has another one.</summary>
    public IReadOnlyList<string> AllowedHosts { get; init; } = [];
}
