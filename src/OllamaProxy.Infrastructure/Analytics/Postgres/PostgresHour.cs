namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>The rows of sums that a writer has for one hour.</summary>
internal sealed class PostgresHour
{
    public PostgresCells<StatLabels> Labels { get; } = new();

    /// <summary>By client, and whether a model ran ("1" or "0").</summary>
    public PostgresCells<(string? Client, string? IsInference)> Clients { get; } = new();

    public PostgresCells<(string? Client, StatLabels Labels)> ClientLabels { get; } = new();
}
