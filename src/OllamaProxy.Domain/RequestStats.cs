namespace OllamaProxy.Domain;

/// <summary>What is asked of the statistics.</summary>
/// <param name="Filter">Which records. A text search, token or latency range makes the store look at every record instead of its hourly sums.</param>
/// <param name="SeriesStep">The length of a step of the time series, a whole number of minutes that divides an hour or a whole number of hours; null for no series.</param>
/// <param name="Top">How many models, clients and applications to name, by requests. 1 to 100.</param>
public sealed record StatsQuery(RequestFilter Filter, TimeSpan? SeriesStep = null, int Top = 10);

/// <summary>Statistics of the matching records.</summary>
public sealed record RequestStats
{
    public required StatLine Total { get; init; }

    public IReadOnlyList<StatGroup> Models { get; init; } = [];

    public IReadOnlyList<StatGroup> Endpoints { get; init; } = [];

    public IReadOnlyList<StatGroup> Categories { get; init; } = [];

    public IReadOnlyList<StatGroup> Clients { get; init; } = [];

    public IReadOnlyList<StatGroup> Applications { get; init; } = [];

    public IReadOnlyList<StatGroup> Outcomes { get; init; } = [];

    /// <summary>How many different clients there were.</summary>
    public int ClientCount { get; init; }

    public int ModelCount { get; init; }

    /// <summary>Steps with at least one record, in order.</summary>
    public IReadOnlyList<StatStep> Series { get; init; } = [];
}

/// <param name="Key">The model, client, ...; null for records without one.</param>
/// <param name="Line">The numbers of the group.</param>
public sealed record StatGroup(string? Key, StatLine Line);

/// <param name="Start">The step's beginning, UTC; steps are multiples of their length since the Unix epoch.</param>
/// <param name="Line">The numbers of the step.</param>
public sealed record StatStep(DateTimeOffset Start, StatLine Line);

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

    /// <summary>Seconds.</summary>
    public Distribution Latency { get; init; } = Distribution.Empty;

    /// <summary>Seconds; of streams only.</summary>
    public Distribution TimeToFirstToken { get; init; } = Distribution.Empty;

    public Distribution TokensPerSecond { get; init; } = Distribution.Empty;
}

/// <summary>How values are distributed. Percentiles come from <see cref="LogHistogram"/> and are at most 1 % off; null without a value.</summary>
public sealed record Distribution
{
    public static Distribution Empty { get; } = new();

    /// <summary>Records that had a value.</summary>
    public long Count { get; init; }

    public double? Mean { get; init; }

    public double? P50 { get; init; }

    public double? P90 { get; init; }

    public double? P95 { get; init; }

    public double? P99 { get; init; }

    public double? Max { get; init; }
}
