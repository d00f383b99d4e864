using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The values of one record that statistics count and sum. Times are microseconds.</summary>
/// <param name="Status"><see cref="ExchangeOutcomes.Status"/>.</param>
/// <param name="LatencyUs">The latency.</param>
/// <param name="TimeToFirstTokenUs">Null when no token came.</param>
/// <param name="TokensPerSecond">Null when unknown.</param>
/// <param name="InputTokens">Null when unknown.</param>
/// <param name="CachedInputTokens">Null when unknown.</param>
/// <param name="OutputTokens">Null when unknown.</param>
/// <param name="LoadUs">Null when no model was loaded, 0 when a load took an unknown time.</param>
/// <param name="IsTruncated">Whether Ollama truncated the prompt.</param>
internal readonly record struct StatFact(
    string Status,
    long LatencyUs,
    long? TimeToFirstTokenUs = null,
    double? TokensPerSecond = null,
    long? InputTokens = null,
    long? CachedInputTokens = null,
    long? OutputTokens = null,
    long? LoadUs = null,
    bool IsTruncated = false)
{
    public static StatFact Of(RequestRecord record) => new(
        record.Status,
        Micros.Of(record.Latency),
        record.TimeToFirstToken is { } timeToFirstToken ? Micros.Of(timeToFirstToken) : null,
        record.TokensPerSecond,
        record.InputTokens,
        record.CachedInputTokens,
        record.OutputTokens,
        record.LoadCause is null ? null : Micros.Of(record.LoadDuration ?? TimeSpan.Zero),
        record.Truncation is not null);
}
