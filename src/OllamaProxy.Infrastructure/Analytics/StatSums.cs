using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The counts, sums and distributions of a set of records. Those of two sets add up.</summary>
internal sealed class StatSums
{
    private readonly long[] _numbers = new long[Numbers.Count];
    private readonly LogHistogram[] _measures = [.. Measures.Select(_ => new LogHistogram())];

    public static IReadOnlyList<StatNumber> Numbers { get; } = Enum.GetValues<StatNumber>();

    public static IReadOnlyList<StatMeasure> Measures { get; } = Enum.GetValues<StatMeasure>();

    public long this[StatNumber number]
    {
        get => _numbers[(int)number];
        set => _numbers[(int)number] = value;
    }

    public LogHistogram this[StatMeasure measure] => _measures[(int)measure];

    public void Add(in StatFact fact)
    {
        this[StatNumber.Requests]++;
        this[fact.Status switch { "success" => StatNumber.Successes, "cancelled" => StatNumber.Cancelled, _ => StatNumber.Errors }]++;
        this[StatNumber.InputTokens] += fact.InputTokens ?? 0;
        this[StatNumber.CachedInputTokens] += fact.CachedInputTokens ?? 0;
        this[StatNumber.OutputTokens] += fact.OutputTokens ?? 0;
        this[StatNumber.Loads] += fact.LoadUs is null ? 0 : 1;
        this[StatNumber.LoadUs] += Math.Max(0, fact.LoadUs ?? 0);
        this[StatNumber.Truncated] += fact.IsTruncated ? 1 : 0;
        this[StatMeasure.Latency].Add(fact.LatencyUs / 1e6);
        if (fact.TimeToFirstTokenUs is { } timeToFirstToken)
        {
            this[StatMeasure.TimeToFirstToken].Add(timeToFirstToken / 1e6);
        }

        if (fact.TokensPerSecond is { } tokensPerSecond)
        {
            this[StatMeasure.TokensPerSecond].Add(tokensPerSecond);
        }
    }

    public void Merge(StatSums other)
    {
        for (var number = 0; number < _numbers.Length; number++)
        {
            _numbers[number] += other._numbers[number];
        }

        for (var measure = 0; measure < _measures.Length; measure++)
        {
            _measures[measure].Merge(other._measures[measure]);
        }
    }

    public StatLine ToLine() => new()
    {
        Requests = this[StatNumber.Requests],
        Successes = this[StatNumber.Successes],
        Errors = this[StatNumber.Errors],
        Cancelled = this[StatNumber.Cancelled],
        InputTokens = this[StatNumber.InputTokens],
        CachedInputTokens = this[StatNumber.CachedInputTokens],
        OutputTokens = this[StatNumber.OutputTokens],
        Loads = this[StatNumber.Loads],
        LoadTime = TimeSpan.FromMicroseconds(this[StatNumber.LoadUs]),
        Truncated = this[StatNumber.Truncated],
        Latency = this[StatMeasure.Latency].ToDistribution(),
        TimeToFirstToken = this[StatMeasure.TimeToFirstToken].ToDistribution(),
        TokensPerSecond = this[StatMeasure.TokensPerSecond].ToDistribution(),
    };
}
