namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Where records are kept.</summary>
public sealed record AnalyticsOptions
{
    /// <summary>A name of <see cref="AnalyticsBackends"/>; default <c>sqlite</c>.</summary>
    public string Backend { get; init; } = "sqlite";

    /// <summary>The folder of the store, made when missing, readable by its owner only. Default <c>./ollama_analytics</c>.</summary>
    public string Directory { get; init; } = "./ollama_analytics";

    /// <summary>Records older than this many days are removed; 0 keeps them for ever. 0 to 36,500, default 7.</summary>
    public int RetentionDays { get; init; } = 7;
}
