using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>What statistics need of one record. Seconds.</summary>
internal readonly record struct StatNumbers(
    double Latency,
    double? TimeToFirstToken,
    double? TokensPerSecond,
    long? InputTokens,
    long? CachedInputTokens,
    long? OutputTokens,
    TimeSpan? Load = null,
    bool IsTruncated = false)
{
    public static StatNumbers Of(RequestRecord record) => new(
        record.Latency.TotalSeconds,
        record.TimeToFirstToken?.TotalSeconds,
        record.TokensPerSecond,
        record.InputTokens,
        record.CachedInputTokens,
        record.OutputTokens,
        record.LoadCause is null ? null : record.LoadDuration ?? TimeSpan.Zero,
        record.Truncation is not null);
}

/// <summary>Counts, sums and distributions of a set of records, which add up with those of others.</summary>
internal sealed class StatSums
{
    private readonly LogHistogram _latency = new();
    private readonly LogHistogram _timeToFirstToken = new();
    private readonly LogHistogram _tokensPerSecond = new();
    private long _successes;
    private long _errors;
    private long _cancelled;
    private long _inputTokens;
    private long _cachedInputTokens;
    private long _outputTokens;
    private long _loads;
    private long _loadTicks;
    private long _truncated;

    public long Requests { get; private set; }

    /// <summary>Requests that are counted but not in these sums, to rank clients: there are many, and few are shown.</summary>
    public long Counted { get; set; }

    public void Add(string status, in StatNumbers numbers)
    {
        Requests++;
        switch (status)
        {
            case "success":
                _successes++;
                break;
            case "cancelled":
                _cancelled++;
                break;
            default:
                _errors++;
                break;
        }

        _inputTokens += numbers.InputTokens ?? 0;
        _cachedInputTokens += numbers.CachedInputTokens ?? 0;
        _outputTokens += numbers.OutputTokens ?? 0;
        _loads += numbers.Load is null ? 0 : 1;
        _loadTicks += Math.Max(0, numbers.Load?.Ticks ?? 0);
        _truncated += numbers.IsTruncated ? 1 : 0;
        _latency.Add(numbers.Latency);
        if (numbers.TimeToFirstToken is { } timeToFirstToken)
        {
            _timeToFirstToken.Add(timeToFirstToken);
        }

        if (numbers.TokensPerSecond is { } tokensPerSecond)
        {
            _tokensPerSecond.Add(tokensPerSecond);
        }
    }

    public void Merge(StatCell cell)
    {
        Requests += cell.Requests;
        _successes += cell.Successes;
        _errors += cell.Errors;
        _cancelled += cell.Cancelled;
        _inputTokens += cell.InputTokens;
        _cachedInputTokens += cell.CachedInputTokens;
        _outputTokens += cell.OutputTokens;
        _loads += cell.Loads;
        _loadTicks += cell.LoadTicks;
        _truncated += cell.Truncated;
        _latency.Merge(cell.Latency);
        _timeToFirstToken.Merge(cell.TimeToFirstToken);
        _tokensPerSecond.Merge(cell.TokensPerSecond);
    }

    public void Merge(StatSums other)
    {
        Requests += other.Requests;
        _successes += other._successes;
        _errors += other._errors;
        _cancelled += other._cancelled;
        _inputTokens += other._inputTokens;
        _cachedInputTokens += other._cachedInputTokens;
        _outputTokens += other._outputTokens;
        _loads += other._loads;
        _loadTicks += other._loadTicks;
        _truncated += other._truncated;
        _latency.Merge(other._latency);
        _timeToFirstToken.Merge(other._timeToFirstToken);
        _tokensPerSecond.Merge(other._tokensPerSecond);
    }

    /// <summary>What <see cref="StatCell"/> reads: ten numbers, the lengths of the first two histograms, the three histograms.</summary>
    public byte[] ToBytes()
    {
        var latency = _latency.ToBytes();
        var timeToFirstToken = _timeToFirstToken.ToBytes();
        var tokensPerSecond = _tokensPerSecond.ToBytes();
        var bytes = new List<byte>();
        foreach (var number in (ReadOnlySpan<long>)[Requests, _successes, _errors, _cancelled, _inputTokens, _cachedInputTokens, _outputTokens, _loads, _loadTicks, _truncated, latency.Length, timeToFirstToken.Length])
        {
            CompactNumbers.Append(bytes, number);
        }

        return [.. bytes, .. latency, .. timeToFirstToken, .. tokensPerSecond];
    }

    public IReadOnlyList<HistogramBar> LatencyBars() => _latency.Bars();

    public IReadOnlyList<HistogramBar> TimeToFirstTokenBars() => _timeToFirstToken.Bars();

    public IReadOnlyList<HistogramBar> TokensPerSecondBars() => _tokensPerSecond.Bars();

    public StatLine ToLine() => new()
    {
        Requests = Requests,
        Successes = _successes,
        Errors = _errors,
        Cancelled = _cancelled,
        InputTokens = _inputTokens,
        CachedInputTokens = _cachedInputTokens,
        OutputTokens = _outputTokens,
        Loads = _loads,
        LoadTime = TimeSpan.FromTicks(_loadTicks),
        Truncated = _truncated,
        Latency = _latency.ToDistribution(),
        TimeToFirstToken = _timeToFirstToken.ToDistribution(),
        TokensPerSecond = _tokensPerSecond.ToDistribution(),
    };
}

/// <summary>What a step of a series says of each of its groups: counts alone, as there may be many.</summary>
internal sealed class StatCounts
{
    private long _requests;
    private long _errors;
    private long _inputTokens;
    private long _outputTokens;

    public void Add(string status, long? inputTokens, long? outputTokens)
    {
        _requests++;
        _errors += status is "success" or "cancelled" ? 0 : 1;
        _inputTokens += inputTokens ?? 0;
        _outputTokens += outputTokens ?? 0;
    }

    public void Merge(StatCell cell)
    {
        _requests += cell.Requests;
        _errors += cell.Errors;
        _inputTokens += cell.InputTokens;
        _outputTokens += cell.OutputTokens;
    }

    public StatPart ToPart(string? key) => new(key, _requests, _errors, _inputTokens, _outputTokens);
}

/// <summary>The groups of the steps of a series.</summary>
internal sealed class StatParts
{
    private readonly Dictionary<(DateTimeOffset Step, string? Key), StatCounts> _counts = [];

    public StatCounts this[DateTimeOffset step, string? key]
    {
        get
        {
            if (!_counts.TryGetValue((step, key), out var counts))
            {
                _counts[(step, key)] = counts = new StatCounts();
            }

            return counts;
        }
    }

    /// <summary>The parts of a step that have a record, of these groups and in their order.</summary>
    public IReadOnlyList<StatPart> Of(DateTimeOffset step, IEnumerable<StatGroup> named) =>
        [.. named.Where(group => _counts.ContainsKey((step, group.Key))).Select(group => _counts[(step, group.Key)].ToPart(group.Key))];
}
