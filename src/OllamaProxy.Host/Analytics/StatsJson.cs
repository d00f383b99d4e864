using System.Text.Json.Serialization;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// The answer of <c>/analytics/stats</c>. The first four keys are the original program's; durations are seconds, speeds tokens per second. Groups that were not
/// requested, and their number, are null.
/// </summary>
internal sealed record StatsJson
{
    [JsonPropertyOrder(0), JsonPropertyName("backend")]
    public required string Backend { get; init; }

    [JsonPropertyOrder(1), JsonPropertyName("data_dir")]
    public required string? DataDirectory { get; init; }

    [JsonPropertyOrder(2), JsonPropertyName("queue_size")]
    public required int QueueSize { get; init; }

    [JsonPropertyOrder(3), JsonPropertyName("total_records")]
    public required long TotalRecords { get; init; }

    [JsonPropertyOrder(4), JsonPropertyName("size_bytes")]
    public required long SizeBytes { get; init; }

    [JsonPropertyOrder(5), JsonPropertyName("oldest")]
    public required DateTimeOffset? Oldest { get; init; }

    [JsonPropertyOrder(6), JsonPropertyName("newest")]
    public required DateTimeOffset? Newest { get; init; }

    [JsonPropertyOrder(7), JsonPropertyName("start_time")]
    public required DateTimeOffset? From { get; init; }

    [JsonPropertyOrder(8), JsonPropertyName("end_time")]
    public required DateTimeOffset To { get; init; }

    /// <summary>The relative error of a percentile.</summary>
    [JsonPropertyOrder(9), JsonPropertyName("percentile_error")]
    public double PercentileError { get; init; } = LogHistogram.RelativeError;

    [JsonPropertyOrder(10), JsonPropertyName("client_count")]
    public required int? ClientCount { get; init; }

    [JsonPropertyOrder(11), JsonPropertyName("model_count")]
    public required int? ModelCount { get; init; }

    [JsonPropertyOrder(12), JsonPropertyName("total")]
    public required LineJson Total { get; init; }

    [JsonPropertyOrder(13), JsonPropertyName("models")]
    public required IReadOnlyList<GroupJson>? Models { get; init; }

    [JsonPropertyOrder(14), JsonPropertyName("endpoints")]
    public required IReadOnlyList<GroupJson>? Endpoints { get; init; }

    [JsonPropertyOrder(15), JsonPropertyName("categories")]
    public required IReadOnlyList<GroupJson>? Categories { get; init; }

    [JsonPropertyOrder(16), JsonPropertyName("clients")]
    public required IReadOnlyList<GroupJson>? Clients { get; init; }

    [JsonPropertyOrder(17), JsonPropertyName("applications")]
    public required IReadOnlyList<GroupJson>? Applications { get; init; }

    [JsonPropertyOrder(18), JsonPropertyName("outcomes")]
    public required IReadOnlyList<GroupJson>? Outcomes { get; init; }

    /// <summary>Records that did not succeed; null unless requested by name.</summary>
    [JsonPropertyOrder(19), JsonPropertyName("error_types")]
    public required IReadOnlyList<GroupJson>? ErrorTypes { get; init; }

    [JsonPropertyOrder(20), JsonPropertyName("step_seconds")]
    public required double? StepSeconds { get; init; }

    [JsonPropertyOrder(21), JsonPropertyName("series")]
    public required IReadOnlyList<StepJson> Series { get; init; }

    /// <summary>How often each latency occurred; empty without a record.</summary>
    [JsonPropertyOrder(22), JsonPropertyName("latency_histogram")]
    public required IReadOnlyList<BarJson> LatencyHistogram { get; init; }

    [JsonPropertyOrder(23), JsonPropertyName("time_to_first_token_histogram")]
    public required IReadOnlyList<BarJson> TimeToFirstTokenHistogram { get; init; }

    [JsonPropertyOrder(24), JsonPropertyName("tokens_per_second_histogram")]
    public required IReadOnlyList<BarJson> TokensPerSecondHistogram { get; init; }

    [JsonPropertyOrder(25), JsonPropertyName("backends")]
    public required IReadOnlyList<GroupJson>? Backends { get; init; }

    [JsonPropertyOrder(26), JsonPropertyName("proxies")]
    public required IReadOnlyList<GroupJson>? Proxies { get; init; }

    /// <param name="result">The numbers.</param>
    /// <param name="isLocal">Whether the client is this machine, which may see its paths.</param>
    public static StatsJson Of(StatsResult result, bool isLocal)
    {
        var (stats, minutes) = (result.Stats, result.Minutes);
        return new StatsJson
        {
            Backend = result.Store.Backend,
            DataDirectory = isLocal ? result.Store.DataDirectory : null,
            QueueSize = result.QueueSize,
            TotalRecords = result.Store.TotalRecords,
            SizeBytes = result.Store.SizeBytes,
            Oldest = result.Store.Oldest,
            Newest = result.Store.Newest,
            From = result.From,
            To = result.To,
            ClientCount = result.Query.Wants(StatDimension.Client) ? stats.ClientCount : null,
            ModelCount = result.Query.Wants(StatDimension.Model) ? stats.ModelCount : null,
            Total = LineJson.Of(stats.Total, minutes),
            Models = Groups(StatDimension.Model),
            Endpoints = Groups(StatDimension.Endpoint),
            Categories = Groups(StatDimension.Category),
            Clients = Groups(StatDimension.Client),
            Applications = Groups(StatDimension.Application),
            Outcomes = Groups(StatDimension.Outcome),
            ErrorTypes = Groups(StatDimension.ErrorType),
            Backends = Groups(StatDimension.Backend),
            Proxies = Groups(StatDimension.Proxy),
            StepSeconds = result.Step?.TotalSeconds,
            Series =
            [
                .. stats.Series.Select(step => new StepJson(
                    step.Start.ToUnixTimeSeconds(), LineJson.Of(step.Line, result.Step!.Value.TotalMinutes), [.. step.Parts.Select(PartJson.Of)])),
            ],
            LatencyHistogram = Bars(stats.LatencyHistogram),
            TimeToFirstTokenHistogram = Bars(stats.TimeToFirstTokenHistogram),
            TokensPerSecondHistogram = Bars(stats.TokensPerSecondHistogram),
        };

        GroupJson[]? Groups(StatDimension dimension) =>
            result.Query.Wants(dimension) ? [.. stats[dimension].Select(group => new GroupJson(group.Key, LineJson.Of(group.Line, minutes)))] : null;

        static BarJson[] Bars(IReadOnlyList<HistogramBar> bars) => [.. bars.Select(bar => new BarJson(bar.LowerBound, bar.UpperBound, bar.Count))];
    }
}

/// <param name="Name">The model, client, ...; null for records without one.</param>
/// <param name="Numbers">Its numbers.</param>
internal sealed record GroupJson([property: JsonPropertyName("name")] string? Name, [property: JsonPropertyName("numbers")] LineJson Numbers);

/// <param name="Timestamp">The start of the step, Unix seconds.</param>
/// <param name="Numbers">Its numbers.</param>
/// <param name="Parts">The parts of the step; empty without a split.</param>
internal sealed record StepJson(
    [property: JsonPropertyName("timestamp")] long Timestamp,
    [property: JsonPropertyName("numbers")] LineJson Numbers,
    [property: JsonPropertyName("parts")] IReadOnlyList<PartJson> Parts);

/// <summary>The share of one model, client, ... in a step.</summary>
internal sealed record PartJson(
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("requests")] long Requests,
    [property: JsonPropertyName("error")] long Error,
    [property: JsonPropertyName("input_tokens")] long InputTokens,
    [property: JsonPropertyName("output_tokens")] long OutputTokens)
{
    public static PartJson Of(StatPart part) => new(part.Key, part.Requests, part.Errors, part.InputTokens, part.OutputTokens);
}

/// <summary>A bar of a histogram: values above the one bound, up to the other.</summary>
internal sealed record BarJson(
    [property: JsonPropertyName("above")] double Above,
    [property: JsonPropertyName("up_to")] double UpTo,
    [property: JsonPropertyName("count")] long Count);

/// <summary>The numbers of one set of records.</summary>
internal sealed record LineJson(
    [property: JsonPropertyName("requests")] long Requests,
    [property: JsonPropertyName("requests_per_minute")] double RequestsPerMinute,
    [property: JsonPropertyName("success")] long Success,
    [property: JsonPropertyName("error")] long Error,
    [property: JsonPropertyName("cancelled")] long Cancelled,
    [property: JsonPropertyName("input_tokens")] long InputTokens,
    [property: JsonPropertyName("cached_input_tokens")] long CachedInputTokens,
    [property: JsonPropertyName("output_tokens")] long OutputTokens,
    [property: JsonPropertyName("latency")] DistributionJson Latency,
    [property: JsonPropertyName("time_to_first_token")] DistributionJson TimeToFirstToken,
    [property: JsonPropertyName("tokens_per_second")] DistributionJson TokensPerSecond,
    [property: JsonPropertyName("loads")] long Loads,
    [property: JsonPropertyName("load_seconds")] double LoadSeconds,
    [property: JsonPropertyName("truncated")] long Truncated)
{
    public static LineJson Of(StatLine line, double minutes) => new(
        line.Requests,
        minutes > 0 ? line.Requests / minutes : 0,
        line.Successes,
        line.Errors,
        line.Cancelled,
        line.InputTokens,
        line.CachedInputTokens,
        line.OutputTokens,
        DistributionJson.Of(line.Latency),
        DistributionJson.Of(line.TimeToFirstToken),
        DistributionJson.Of(line.TokensPerSecond),
        line.Loads,
        line.LoadTime.TotalSeconds,
        line.Truncated);
}

/// <summary>The distribution of values; all but the count are null without a value.</summary>
internal sealed record DistributionJson(
    [property: JsonPropertyName("count")] long Count,
    [property: JsonPropertyName("mean")] double? Mean,
    [property: JsonPropertyName("p5")] double? P5,
    [property: JsonPropertyName("p10")] double? P10,
    [property: JsonPropertyName("p50")] double? P50,
    [property: JsonPropertyName("p90")] double? P90,
    [property: JsonPropertyName("p95")] double? P95,
    [property: JsonPropertyName("p99")] double? P99,
    [property: JsonPropertyName("max")] double? Max)
{
    public static DistributionJson Of(Distribution values) =>
        new(values.Count, values.Mean, values.P5, values.P10, values.P50, values.P90, values.P95, values.P99, values.Max);
}
