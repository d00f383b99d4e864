namespace OllamaProxy.Domain;

/// <summary>What is asked of the statistics.</summary>
/// <param name="Filter">Which records. A text search, token or latency range makes the store look at every record instead of its hourly sums.</param>
/// <param name="SeriesStep">The length of a step of the series: minutes that divide an hour, or whole hours; null for no series.</param>
/// <param name="Top">How many models, clients and applications to name, by requests. 1 to 100.</param>
/// <param name="SplitBy">What each step of the series is split by; null for no split.</param>
/// <param name="Groups">Which groups are wanted; null for all but the error types. The others are not summed up: clients are many.</param>
public sealed record StatsQuery(
    RequestFilter Filter, TimeSpan? SeriesStep = null, int Top = 10, StatDimension? SplitBy = null, IReadOnlyList<StatDimension>? Groups = null)
{
    /// <summary>Whether a group is requested.</summary>
    public bool Wants(StatDimension dimension) => Groups?.Contains(dimension) ?? dimension is not StatDimension.ErrorType;

    /// <summary>Whether it has to be summed: the parts of a split series are ordered by their requests.</summary>
    public bool Needs(StatDimension dimension) => Wants(dimension) || (SeriesStep is not null && SplitBy == dimension);
}

/// <summary>What statistics are grouped by.</summary>
public enum StatDimension
{
    Model,
    Endpoint,
    Category,
    Client,
    Application,
    Outcome,

    /// <summary>The hourly sums do not have it, so a store looks at every matching record: cheap for those with an error only.</summary>
    ErrorType,

    Backend,

    Proxy,
}

/// <summary>Statistics of the matching records.</summary>
public sealed record RequestStats
{
    public required StatLine Total { get; init; }

    /// <summary>The groups that were asked for.</summary>
    public IReadOnlyDictionary<StatDimension, IReadOnlyList<StatGroup>> Groups { get; init; } = new Dictionary<StatDimension, IReadOnlyList<StatGroup>>();

    /// <summary>The groups of one dimension; empty when they were not asked for.</summary>
    public IReadOnlyList<StatGroup> this[StatDimension dimension] => Groups.TryGetValue(dimension, out var groups) ? groups : [];

    /// <summary>How many different clients there were; 0 when their groups were not asked for, as for models.</summary>
    public int ClientCount { get; init; }

    public int ModelCount { get; init; }

    /// <summary>Steps with at least one record, in order.</summary>
    public IReadOnlyList<StatStep> Series { get; init; } = [];

    /// <summary>How often each latency (seconds) occurred, from the bar of the least to that of the greatest, empty ones between them included.</summary>
    public IReadOnlyList<HistogramBar> LatencyHistogram { get; init; } = [];

    /// <summary>The same for the times to first token (seconds), of the records that have one.</summary>
    public IReadOnlyList<HistogramBar> TimeToFirstTokenHistogram { get; init; } = [];

    /// <summary>The same for the speeds (tokens per second).</summary>
    public IReadOnlyList<HistogramBar> TokensPerSecondHistogram { get; init; } = [];
}

/// <param name="Key">The model, client, ...; null for records without one.</param>
/// <param name="Line">The numbers of the group.</param>
public sealed record StatGroup(string? Key, StatLine Line);

/// <param name="Start">The step's beginning, UTC; steps are multiples of their length since the Unix epoch.</param>
/// <param name="Line">The numbers of the step.</param>
/// <param name="Parts">The parts of the groups that are shown, most requests of the whole range first. Their sum may be less than the line.</param>
public sealed record StatStep(DateTimeOffset Start, StatLine Line, IReadOnlyList<StatPart> Parts);

/// <summary>A group's part of a step.</summary>
/// <param name="Key">The model, client, ...; null for records without one.</param>
/// <param name="Requests">Its requests.</param>
/// <param name="Errors">Those of them that failed.</param>
/// <param name="InputTokens">Tokens of their prompts.</param>
/// <param name="OutputTokens">Tokens of their answers.</param>
public sealed record StatPart(string? Key, long Requests, long Errors, long InputTokens, long OutputTokens);

/// <summary>A bar of a histogram.</summary>
/// <param name="LowerBound">Values are greater than this.</param>
/// <param name="UpperBound">Values are not greater than this, but for the error of <see cref="LogHistogram"/>.</param>
/// <param name="Count">How many.</param>
public sealed record HistogramBar(double LowerBound, double UpperBound, long Count);

/// <summary>The numbers of one set of records.</summary>
public sealed record StatLine
{
    public static StatLine Empty { get; } = new();

    public long Requests { get; init; }

    public long Successes { get; init; }

    public long Errors { get; init; }

    public long Cancelled { get; init; }

    public long InputTokens { get; init; }

    public long CachedInputTokens { get; init; }

    public long OutputTokens { get; init; }

    /// <summary>Requests for which Ollama had to load the model first, as far as that is known.</summary>
    public long Loads { get; init; }

    /// <summary>What those loads took.</summary>
    public TimeSpan LoadTime { get; init; }

    /// <summary>Requests whose prompt Ollama shortened, certainly or likely.</summary>
    public long Truncated { get; init; }

    /// <summary>Seconds.</summary>
    public Distribution Latency { get; init; } = Distribution.Empty;

    /// <summary>Seconds; of every record in which it was measured.</summary>
    public Distribution TimeToFirstToken { get; init; } = Distribution.Empty;

    /// <summary>Measured by Ollama or estimated (<see cref="TokenSpeed"/>).</summary>
    public Distribution TokensPerSecond { get; init; } = Distribution.Empty;
}

/// <summary>How values are distributed. Percentiles come from <see cref="LogHistogram"/> and are at most 1 % off; null without a value.</summary>
public sealed record Distribution
{
    public static Distribution Empty { get; } = new();

    /// <summary>Records that had a value.</summary>
    public long Count { get; init; }

    public double? Mean { get; init; }

    /// <summary>The slow end of speeds, as <see cref="P95"/> is that of durations.</summary>
    public double? P5 { get; init; }

    public double? P10 { get; init; }

    public double? P50 { get; init; }

    public double? P90 { get; init; }

    public double? P95 { get; init; }

    public double? P99 { get; init; }

    public double? Max { get; init; }
}
