using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>What <see cref="StatSums.ToBytes"/> wrote, taken apart once to be added to several sums. One object is read into again and again, as there may be a million.</summary>
internal sealed class StatCell
{
    public long Requests { get; private set; }

    public long Successes { get; private set; }

    public long Errors { get; private set; }

    public long Cancelled { get; private set; }

    public long InputTokens { get; private set; }

    public long CachedInputTokens { get; private set; }

    public long OutputTokens { get; private set; }

    public long Loads { get; private set; }

    public long LoadTicks { get; private set; }

    public long Truncated { get; private set; }

    public HistogramParts Latency { get; } = new();

    public HistogramParts TimeToFirstToken { get; } = new();

    public HistogramParts TokensPerSecond { get; } = new();

    /// <summary>Throws <see cref="FormatException"/> on anything that <see cref="StatSums.ToBytes"/> did not write; what is held then must not be used.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        Requests = CompactNumbers.Take(ref bytes);
        Successes = CompactNumbers.Take(ref bytes);
        Errors = CompactNumbers.Take(ref bytes);
        Cancelled = CompactNumbers.Take(ref bytes);
        InputTokens = CompactNumbers.Take(ref bytes);
        CachedInputTokens = CompactNumbers.Take(ref bytes);
        OutputTokens = CompactNumbers.Take(ref bytes);
        Loads = CompactNumbers.Take(ref bytes);
        LoadTicks = CompactNumbers.Take(ref bytes);
        Truncated = CompactNumbers.Take(ref bytes);
        var latency = CompactNumbers.Take(ref bytes);
        var timeToFirstToken = CompactNumbers.Take(ref bytes);
        if (latency > bytes.Length || timeToFirstToken > bytes.Length - latency)
        {
            throw new FormatException("A histogram has no end.");
        }

        Latency.Read(bytes[..(int)latency]);
        TimeToFirstToken.Read(bytes.Slice((int)latency, (int)timeToFirstToken));
        TokensPerSecond.Read(bytes[(int)(latency + timeToFirstToken)..]);
    }
}
