namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The values of a set of records that have a distribution. Stores have columns for the count, sum, maximum and histogram of each.</summary>
internal enum StatMeasure
{
    /// <summary>Seconds.</summary>
    Latency,

    /// <summary>Seconds.</summary>
    TimeToFirstToken,

    TokensPerSecond,
}
