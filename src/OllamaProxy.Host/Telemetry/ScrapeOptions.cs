namespace OllamaProxy.Host.Telemetry;

/// <summary>How <c>/metrics</c> is answered.</summary>
internal sealed record ScrapeOptions
{
    /// <summary>A port for <c>/metrics</c> alone, on the proxy's addresses; 0 is any free one. Null (default): it is answered on the proxy's port.</summary>
    public int? Port { get; init; }

    /// <summary>What a scraper must show; null (default) when it need not. 16 to 512 visible ASCII characters.</summary>
    public string? Token { get; init; }

    /// <summary>Whether the metrics of Ollama itself, where it has any, follow ours. Off by default.</summary>
    public bool AppendsOllama { get; init; }
}
