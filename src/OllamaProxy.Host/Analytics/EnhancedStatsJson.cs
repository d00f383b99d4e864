using System.Text.Json.Serialization;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// The answer of <c>/analytics/stats/enhanced</c>: the original program's keys and units, in its order. Without a record the numbers are 0, as in the original.
/// </summary>
internal sealed record EnhancedStatsJson
{
    [JsonPropertyOrder(0), JsonPropertyName("total_requests")]
    public required long TotalRequests { get; init; }

    [JsonPropertyOrder(1), JsonPropertyName("unique_ips")]
    public required int UniqueIps { get; init; }

    [JsonPropertyOrder(2), JsonPropertyName("unique_models")]
    public required int UniqueModels { get; init; }

    [JsonPropertyOrder(3), JsonPropertyName("avg_response_time_ms")]
    public required double AverageResponseTime { get; init; }

    [JsonPropertyOrder(4), JsonPropertyName("avg_input_tokens")]
    public required double AverageInputTokens { get; init; }

    [JsonPropertyOrder(5), JsonPropertyName("avg_output_tokens")]
    public required double AverageOutputTokens { get; init; }

    [JsonPropertyOrder(6), JsonPropertyName("avg_tokens_per_second")]
    public required double AverageTokensPerSecond { get; init; }

    [JsonPropertyOrder(7), JsonPropertyName("requests_per_minute")]
    public required double RequestsPerMinute { get; init; }

    [JsonPropertyOrder(8), JsonPropertyName("success_rate_percent")]
    public required double SuccessRate { get; init; }

    [JsonPropertyOrder(9), JsonPropertyName("error_rate_percent")]
    public required double ErrorRate { get; init; }

    [JsonPropertyOrder(10), JsonPropertyName("top_ips")]
    public required IReadOnlyList<TopIpJson> TopIps { get; init; }

    [JsonPropertyOrder(11), JsonPropertyName("top_models")]
    public required IReadOnlyList<TopModelJson> TopModels { get; init; }

    [JsonPropertyOrder(12), JsonPropertyName("recent_trend")]
    public required IReadOnlyList<TrendJson> RecentTrend { get; init; }

    [JsonPropertyOrder(13), JsonPropertyName("time_range_hours")]
    public required double TimeRangeHours { get; init; }

    [JsonPropertyOrder(14), JsonPropertyName("data_start_time")]
    public required DateTimeOffset DataStartTime { get; init; }

    [JsonPropertyOrder(15), JsonPropertyName("data_end_time")]
    public required DateTimeOffset DataEndTime { get; init; }

    public static EnhancedStatsJson Of(StatsResult result)
    {
        var (stats, total) = (result.Stats, result.Stats.Total);
        // Only completed requests have all their tokens; others would lower the means.
        var completed = stats[StatDimension.Outcome].FirstOrDefault(group => group.Key == ExchangeOutcome.Completed.Name())?.Line ?? StatLine.Empty;
        return new EnhancedStatsJson
        {
            TotalRequests = total.Requests,
            UniqueIps = stats.ClientCount,
            UniqueModels = stats.ModelCount,
            AverageResponseTime = Milliseconds(total),
            AverageInputTokens = Ratio(completed.InputTokens, completed.Requests),
            AverageOutputTokens = Ratio(completed.OutputTokens, completed.Requests),
            AverageTokensPerSecond = total.TokensPerSecond.Mean ?? 0,
            RequestsPerMinute = result.Minutes > 0 ? total.Requests / result.Minutes : 0,
            SuccessRate = 100 * Ratio(total.Successes, total.Requests),
            ErrorRate = 100 * Ratio(total.Errors, total.Requests),
            TopIps = [.. from client in stats[StatDimension.Client] where client.Key is not null select new TopIpJson(client.Key!, client.Line.Requests,
                Milliseconds(client.Line), client.Line.OutputTokens)],
            TopModels = [.. from model in stats[StatDimension.Model] where model.Key is not null select new TopModelJson(model.Key!, model.Line.Requests,
                Milliseconds(model.Line), model.Line.OutputTokens)],
            RecentTrend = [.. stats.Series.Select(step => new TrendJson(step.Start.ToUnixTimeSeconds(), step.Line.Requests, step.Line.Latency.Mean ?? 0))],
            TimeRangeHours = result.Minutes / 60,
            DataStartTime = result.From ?? result.To,
            DataEndTime = result.To,
        };
    }

    private static double Milliseconds(StatLine line) => 1_000 * (line.Latency.Mean ?? 0);

    private static double Ratio(long part, long whole) => whole == 0 ? 0 : (double)part / whole;
}

internal sealed record TopIpJson(
    [property: JsonPropertyName("ip")] string Ip,
    [property: JsonPropertyName("request_count")] long RequestCount,
    [property: JsonPropertyName("avg_latency_ms")] double AverageLatency,
    [property: JsonPropertyName("total_tokens")] long TotalTokens);

internal sealed record TopModelJson(
    [property: JsonPropertyName("model")] string Model,
    [property: JsonPropertyName("request_count")] long RequestCount,
    [property: JsonPropertyName("avg_latency_ms")] double AverageLatency,
    [property: JsonPropertyName("total_tokens")] long TotalTokens);

/// <param name="Timestamp">The start of the hour, Unix seconds.</param>
/// <param name="RequestCount">Requests in it.</param>
/// <param name="AverageLatency">Seconds.</param>
internal sealed record TrendJson(
    [property: JsonPropertyName("timestamp")] long Timestamp,
    [property: JsonPropertyName("request_count")] long RequestCount,
    [property: JsonPropertyName("avg_latency")] double AverageLatency);
