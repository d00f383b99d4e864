using OllamaProxy.Domain;

namespace OllamaProxy.StoreTests;

/// <summary>The answers a store must give, worked out from all its records in the plainest way.</summary>
internal static class Expected
{
    public static bool Matches(RequestRecord record, RequestFilter filter) =>
        (filter.Model is null || record.Model == ModelName.Normalize(filter.Model))
        && (filter.Endpoint is null || record.Endpoint == filter.Endpoint)
        && (filter.Category is null || record.Category == filter.Category)
        && (filter.Status is null || record.Status == filter.Status)
        && (filter.Outcome is null || record.Outcome == filter.Outcome)
        && (filter.ErrorType is null || record.ErrorType == filter.ErrorType)
        && (filter.Client is null || record.ClientIp == filter.Client)
        && (filter.Application is null || record.Application == filter.Application)
        && (filter.Proxy is null || record.Proxy == filter.Proxy)
        && (filter.Backend is null || record.Backend == filter.Backend)
        && (filter.RequestId is null || record.RequestId == filter.RequestId)
        && (filter.Search is null || Occurs(filter.Search, record.Prompt) || Occurs(filter.Search, record.Response))
        && (filter.PromptSearch is null || Occurs(filter.PromptSearch, record.Prompt))
        && (filter.From is null || record.Timestamp >= filter.From)
        && (filter.To is null || record.Timestamp <= filter.To)
        && (filter.MinInputTokens is null || record.InputTokens >= filter.MinInputTokens)
        && (filter.MaxInputTokens is null || record.InputTokens <= filter.MaxInputTokens)
        && (filter.MinOutputTokens is null || record.OutputTokens >= filter.MinOutputTokens)
        && (filter.MaxOutputTokens is null || record.OutputTokens <= filter.MaxOutputTokens)
        && (filter.MinLatency is null || record.Latency >= filter.MinLatency)
        && (filter.MaxLatency is null || record.Latency <= filter.MaxLatency)
        && (filter.IsInference is null || record.IsInference == filter.IsInference);

    /// <summary>The matching records in order. Equals come newest first, which is the highest position first: a cursor knows no more than that.</summary>
    public static IReadOnlyList<RequestRecord> Ordered(IEnumerable<RequestRecord> records, RequestFilter filter, RequestOrder order, bool ascending)
    {
        var matching = records.Where(record => Matches(record, filter)).OrderBy(record => Value(record, order) is null);
        return [.. (ascending ? matching.ThenBy(record => Value(record, order)) : matching.ThenByDescending(record => Value(record, order))).ThenByDescending(
            record => record.Id)];
    }

    public static double? Value(RequestRecord record, RequestOrder order) => order switch
    {
        RequestOrder.Time => (record.Timestamp - DateTimeOffset.UnixEpoch).TotalMicroseconds,
        RequestOrder.Latency => record.Latency.TotalMicroseconds,
        RequestOrder.TimeToFirstToken => record.TimeToFirstToken?.TotalMicroseconds,
        RequestOrder.InputTokens => record.InputTokens,
        RequestOrder.OutputTokens => record.OutputTokens,
        _ => record.TokensPerSecond,
    };

    /// <summary>
    /// Fails unless the statistics are those of the matching records: counts and sums exactly, means but for rounding, percentiles within 1 %.
    /// </summary>
    public static void AssertStats(IEnumerable<RequestRecord> all, StatsQuery query, RequestStats actual)
    {
        List<RequestRecord> records = [.. all.Where(record => Matches(record, query.Filter))];
        AssertLine(records, actual.Total);
        Assert.All(Enum.GetValues<StatDimension>(), dimension => AssertGroups(records, query, dimension, actual[dimension]));
        Assert.Equal(query.Wants(StatDimension.Client) ? records.Select(record => record.ClientIp).OfType<string>().Distinct().Count() : 0, actual.ClientCount);
        Assert.Equal(query.Wants(StatDimension.Model) ? records.Select(record => record.Model).OfType<string>().Distinct().Count() : 0, actual.ModelCount);
        AssertHistogram(records.Select(record => (double?)record.Latency.TotalSeconds), actual.LatencyHistogram);
        AssertHistogram(records.Select(record => record.TimeToFirstToken?.TotalSeconds), actual.TimeToFirstTokenHistogram);
        AssertHistogram(records.Select(record => record.TokensPerSecond), actual.TokensPerSecondHistogram);
        if (query.SeriesStep is not { } step)
        {
            Assert.Empty(actual.Series);
            return;
        }

        var steps = records.GroupBy(record => DateTimeOffset.UnixEpoch.AddTicks(
            (record.Timestamp - DateTimeOffset.UnixEpoch).Ticks / step.Ticks * step.Ticks)).OrderBy(group => group.Key).ToList();
        Assert.Equal(steps.Select(group => group.Key), actual.Series.Select(point => point.Start));
        Assert.All(steps.Zip(actual.Series), pair => AssertLine([.. pair.First], pair.Second.Line));
        Assert.All(steps.Zip(actual.Series), pair => Assert.Equal(Parts(pair.First, records, query), pair.Second.Parts));
    }

    /// <summary>The groups that the whole range names, those of them that the step has.</summary>
    private static IEnumerable<StatPart> Parts(IEnumerable<RequestRecord> step, List<RequestRecord> records, StatsQuery query)
    {
        if (query.SplitBy is not { } dimension)
        {
            return [];
        }

        return
        [
            .. from key in Named(records, query, dimension).Select(named => named.Key)
               let part = step.Where(record => Key(record, dimension) == key).ToList()
               where part.Count > 0
               select new StatPart(key, part.Count, part.Count(record => record.Status == "error"), part.Sum(record => (long)(record.InputTokens ?? 0)),
                   part.Sum(record => (long)(record.OutputTokens ?? 0))),
        ];
    }

    private static string? Key(RequestRecord record, StatDimension dimension) => dimension switch
    {
        StatDimension.Model => record.Model,
        StatDimension.Endpoint => record.Endpoint.Label,
        StatDimension.Category => record.Category.Label(),
        StatDimension.Client => record.ClientIp,
        StatDimension.Application => record.Application,
        StatDimension.ErrorType => record.ErrorType?.Name(),
        StatDimension.Backend => record.Backend,
        StatDimension.Proxy => record.Proxy,
        _ => record.Outcome.Name(),
    };

    /// <summary>Most requests first; equals by name, those without a name last.</summary>
    private static IEnumerable<IGrouping<string?, RequestRecord>> Named(List<RequestRecord> records, StatsQuery query, StatDimension dimension) =>
        records.GroupBy(record => Key(record, dimension)).OrderByDescending(group => group.Count()).ThenBy(group => group.Key is null)
            .ThenBy(group => group.Key, StringComparer.Ordinal)
            .Take(dimension is StatDimension.Model or StatDimension.Client or StatDimension.Application ? query.Top : int.MaxValue);

    /// <summary>Every record in one bar, each within its bounds but for the error; bars join, and those at the ends are not empty.</summary>
    private static void AssertHistogram(IEnumerable<double?> known, IReadOnlyList<HistogramBar> actual)
    {
        List<double> values = [.. known.OfType<double>()];
        Assert.Equal(values.Count, actual.Sum(bar => bar.Count));
        foreach (var bar in actual)
        {
            Assert.InRange(bar.Count, Within(-1), Within(1));

            // Values in the bar when it is a little narrower, and a little wider.
            int Within(int sign) => values.Count(value => value > bar.LowerBound * (1 - (sign * 0.0201)) && value <= bar.UpperBound * (1 + (sign * 0.0201)))
                + (bar.UpperBound == 0 ? values.Count(value => value == 0) : 0);
        }

        Assert.All(actual.Where(bar => bar.UpperBound > 0).Zip(actual.Where(bar => bar.UpperBound > 0).Skip(1)),
            pair => Assert.Equal(pair.First.UpperBound, pair.Second.LowerBound));
        Assert.True(actual.Count == 0 || (actual[0].Count > 0 && actual[^1].Count > 0));
    }

    private static void AssertGroups(List<RequestRecord> records, StatsQuery query, StatDimension dimension, IReadOnlyList<StatGroup> actual)
    {
        var groups = query.Wants(dimension) ? Named(records, query, dimension).ToList() : [];
        Assert.Equal(groups.Select(group => group.Key), actual.Select(group => group.Key));
        Assert.All(groups.Zip(actual), pair => AssertLine([.. pair.First], pair.Second.Line));
    }

    private static void AssertLine(List<RequestRecord> records, StatLine actual)
    {
        Assert.Equal(records.Count, actual.Requests);
        Assert.Equal(records.Count(record => record.Status == "success"), actual.Successes);
        Assert.Equal(records.Count(record => record.Status == "error"), actual.Errors);
        Assert.Equal(records.Count(record => record.Status == "cancelled"), actual.Cancelled);
        Assert.Equal(records.Sum(record => (long)(record.InputTokens ?? 0)), actual.InputTokens);
        Assert.Equal(records.Sum(record => (long)(record.CachedInputTokens ?? 0)), actual.CachedInputTokens);
        Assert.Equal(records.Sum(record => (long)(record.OutputTokens ?? 0)), actual.OutputTokens);
        Assert.Equal(records.Count(record => record.LoadCause is not null), actual.Loads);
        Assert.Equal(records.Where(record => record.LoadCause is not null).Aggregate(TimeSpan.Zero,
            (sum, record) => sum + (record.LoadDuration ?? TimeSpan.Zero)), actual.LoadTime);
        Assert.Equal(records.Count(record => record.Truncation is not null), actual.Truncated);
        AssertDistribution(records.Select(record => (double?)record.Latency.TotalSeconds), actual.Latency);
        AssertDistribution(records.Select(record => record.TimeToFirstToken?.TotalSeconds), actual.TimeToFirstToken);
        AssertDistribution(records.Select(record => record.TokensPerSecond), actual.TokensPerSecond);
    }

    private static void AssertDistribution(IEnumerable<double?> known, Distribution actual)
    {
        List<double> values = [.. known.OfType<double>().Order()];
        Assert.Equal(values.Count, actual.Count);
        AssertClose(values.Count == 0 ? null : values.Average(), actual.Mean, 1e-9);
        AssertClose(values.Count == 0 ? null : values[^1], actual.Max, 1e-9);
        AssertClose(Percentile(values, 0.05), actual.P5, LogHistogram.RelativeError * 1.0001);
        AssertClose(Percentile(values, 0.1), actual.P10, LogHistogram.RelativeError * 1.0001);
        AssertClose(Percentile(values, 0.5), actual.P50, LogHistogram.RelativeError * 1.0001);
        AssertClose(Percentile(values, 0.9), actual.P90, LogHistogram.RelativeError * 1.0001);
        AssertClose(Percentile(values, 0.95), actual.P95, LogHistogram.RelativeError * 1.0001);
        AssertClose(Percentile(values, 0.99), actual.P99, LogHistogram.RelativeError * 1.0001);
    }

    private static double? Percentile(List<double> sorted, double quantile) =>
        sorted.Count == 0 ? null : sorted[(int)Math.Max(0, Math.Ceiling(quantile * sorted.Count) - 1)];

    private static void AssertClose(double? expected, double? actual, double relative)
    {
        Assert.Equal(expected is null, actual is null);
        if (expected is { } value)
        {
            Assert.InRange(actual!.Value, value - (value * relative) - 1e-12, value + (value * relative) + 1e-12);
        }
    }

    private static bool Occurs(string search, string? text) => text?.Contains(search, StringComparison.OrdinalIgnoreCase) == true;
}
