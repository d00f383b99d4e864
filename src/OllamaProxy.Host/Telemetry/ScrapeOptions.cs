namespace OllamaProxy.Host.Telemetry;

/// <summary>The settings of <c>/metrics</c>.</summary>
internal sealed record ScrapeOptions
{
    /// <summary>A separate port for <c>/metrics</c>, on the proxy's addresses; 0 is any free one. Null (default): the proxy's port.</summary>
    public int? Port { get; init; }

    /// <summary>The token that a scraper must send; null (default) for none. 16 to 512 visible ASCII characters.</summary>
    public string? Token { get; init; }

    /// <summary>Whether the metrics of Ollama itself, where it has any, follow ours. Off by default.</summary>
    public bool AppendsOllama { get; init; }
}
