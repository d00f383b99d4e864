using System.Buffers.Binary;
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
    private const int Head = 9 * sizeof(long);

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
        Requests += Number(bytes, 0);
        _successes += Number(bytes, 1);
        _errors += Number(bytes, 2);
        _cancelled += Number(bytes, 3);
        _inputTokens += Number(bytes, 4);
        _cachedInputTokens += Number(bytes, 5);
        _outputTokens += Number(bytes, 6);
        var histograms = bytes[Head..];
        var first = (int)Number(bytes, 7);
        var second = (int)Number(bytes, 8);
        _latency.Merge(histograms[..first]);
        _timeToFirstToken.Merge(histograms.Slice(first, second));
        _tokensPerSecond.Merge(histograms[(first + second)..]);
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
        var bytes = new byte[Head + latency.Length + timeToFirstToken.Length + tokensPerSecond.Length];
        ReadOnlySpan<long> numbers = [Requests, _successes, _errors, _cancelled, _inputTokens, _cachedInputTokens, _outputTokens, latency.Length, timeToFirstToken.Length];
        for (var index = 0; index < numbers.Length; index++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(index * sizeof(long)), numbers[index]);
        }

        latency.CopyTo(bytes, Head);
        timeToFirstToken.CopyTo(bytes, Head + latency.Length);
        tokensPerSecond.CopyTo(bytes, Head + latency.Length + timeToFirstToken.Length);
        return bytes;
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

    private static long Number(ReadOnlySpan<byte> bytes, int index) => BinaryPrimitives.ReadInt64LittleEndian(bytes[(index * sizeof(long))..]);
}
