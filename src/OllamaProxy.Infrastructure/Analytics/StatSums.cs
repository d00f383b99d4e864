using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>What statistics need of one record. Seconds.</summary>
internal readonly record struct StatNumbers(double Latency, double? TimeToFirstToken, double? TokensPerSecond, long? InputTokens, long? CachedInputTokens, long? OutputTokens)
{
    public static StatNumbers Of(RequestRecord record) => new(
        record.Latency.TotalSeconds,
        record.Stream == true ? record.TimeToFirstToken?.TotalSeconds : null,
        record.TokensPerSecond,
        record.InputTokens,
        record.CachedInputTokens,
        record.OutputTokens);
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

    public long Requests { get; private set; }

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

    /// <summary>Adds what <see cref="ToBytes"/> wrote of another one.</summary>
    public void Merge(ReadOnlySpan<byte> bytes)
    {
        Requests += CompactNumbers.Take(ref bytes);
        _successes += CompactNumbers.Take(ref bytes);
        _errors += CompactNumbers.Take(ref bytes);
        _cancelled += CompactNumbers.Take(ref bytes);
        _inputTokens += CompactNumbers.Take(ref bytes);
        _cachedInputTokens += CompactNumbers.Take(ref bytes);
        _outputTokens += CompactNumbers.Take(ref bytes);
        var latency = (int)CompactNumbers.Take(ref bytes);
        var timeToFirstToken = (int)CompactNumbers.Take(ref bytes);
        _latency.Merge(bytes[..latency]);
        _timeToFirstToken.Merge(bytes.Slice(latency, timeToFirstToken));
        _tokensPerSecond.Merge(bytes[(latency + timeToFirstToken)..]);
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
        _latency.Merge(other._latency);
        _timeToFirstToken.Merge(other._timeToFirstToken);
        _tokensPerSecond.Merge(other._tokensPerSecond);
    }

    /// <summary>Seven numbers, the lengths of the first two histograms, the three histograms.</summary>
    public byte[] ToBytes()
    {
        var latency = _latency.ToBytes();
        var timeToFirstToken = _timeToFirstToken.ToBytes();
        var tokensPerSecond = _tokensPerSecond.ToBytes();
        var bytes = new List<byte>();
        foreach (var number in (ReadOnlySpan<long>)[Requests, _successes, _errors, _cancelled, _inputTokens, _cachedInputTokens, _outputTokens, latency.Length, timeToFirstToken.Length])
        {
            CompactNumbers.Append(bytes, number);
        }

        return [.. bytes, .. latency, .. timeToFirstToken, .. tokensPerSecond];
    }

    public StatLine ToLine() => new()
    {
        Requests = Requests,
        Successes = _successes,
        Errors = _errors,
        Cancelled = _cancelled,
        InputTokens = _inputTokens,
        CachedInputTokens = _cachedInputTokens,
        OutputTokens = _outputTokens,
        Latency = _latency.ToDistribution(),
        TimeToFirstToken = _timeToFirstToken.ToDistribution(),
        TokensPerSecond = _tokensPerSecond.ToDistribution(),
    };
}
