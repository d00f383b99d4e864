using System.Buffers.Binary;
using System.Globalization;

namespace OllamaProxy.Domain;

/// <summary>
/// Counts of values in buckets whose bounds grow by a constant factor, so that every percentile is at most 1 % off whatever the values are (the idea of
/// DDSketch, Masson et al. 2019). Sparse, mergeable, and small as bytes: hours of requests add up without the requests.
/// </summary>
public sealed class LogHistogram
{
    /// <summary>Half the width of a bucket, relative to its middle.</summary>
    public const double RelativeError = 0.01;

    private static readonly double s_logFactor = Math.Log((1 + RelativeError) / (1 - RelativeError));

    private readonly SortedDictionary<int, long> _buckets = [];

    public long Count { get; private set; }

    public double Sum { get; private set; }

    public double? Max { get; private set; }

    /// <summary>Values that are not above zero stand in a bucket of their own, whose value is 0.</summary>
    private const int ZeroBucket = int.MinValue;

    /// <param name="value">Finite.</param>
    public void Add(double value)
    {
        var bucket = BucketOf(value);
        _buckets[bucket] = _buckets.GetValueOrDefault(bucket) + 1;
        Count++;
        Sum += value;
        Max = Max is { } max && max >= value ? max : value;
    }

    public void Merge(LogHistogram other)
    {
        foreach (var (bucket, count) in other._buckets)
        {
            _buckets[bucket] = _buckets.GetValueOrDefault(bucket) + count;
        }

        Count += other.Count;
        Sum += other.Sum;
        Max = Max is { } max && !(other.Max > max) ? max : other.Max;
    }

    /// <summary>The value below which a part of all values lies; null without values.</summary>
    /// <param name="quantile">0 to 1.</param>
    public double? Quantile(double quantile)
    {
        if (Count == 0)
        {
            return null;
        }

        var rank = (long)Math.Max(0, Math.Ceiling(quantile * Count) - 1);
        foreach (var (bucket, count) in _buckets)
        {
            rank -= count;
            if (rank < 0)
            {
                return Math.Min(MiddleOf(bucket), Max!.Value);
            }
        }

        return Max;
    }

    public Distribution ToDistribution() => Count == 0
        ? Distribution.Empty
        : new Distribution { Count = Count, Mean = Sum / Count, P50 = Quantile(0.5), P90 = Quantile(0.9), P95 = Quantile(0.95), P99 = Quantile(0.99), Max = Max };

    /// <summary>Buckets with their bounds' upper end and count, for a chart.</summary>
    public IEnumerable<(double UpperBound, long Count)> Buckets() =>
        _buckets.Select(bucket => (bucket.Key == ZeroBucket ? 0 : Math.Exp(bucket.Key * s_logFactor), bucket.Value));

    /// <summary>Sum, maximum, then each bucket and its count: the form in which a store keeps it.</summary>
    public byte[] ToBytes()
    {
        var bytes = new byte[16 + (_buckets.Count * 12)];
        BinaryPrimitives.WriteDoubleLittleEndian(bytes, Sum);
        BinaryPrimitives.WriteDoubleLittleEndian(bytes.AsSpan(8), Max ?? double.NaN);
        var at = 16;
        foreach (var (bucket, count) in _buckets)
        {
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(at), bucket);
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(at + 4), count);
            at += 12;
        }

        return bytes;
    }

    /// <summary>Reads what <see cref="ToBytes"/> wrote. Throws <see cref="FormatException"/> on anything else.</summary>
    public static LogHistogram FromBytes(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 16 || (bytes.Length - 16) % 12 != 0)
        {
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length} bytes are no histogram."));
        }

        var max = BinaryPrimitives.ReadDoubleLittleEndian(bytes[8..]);
        var histogram = new LogHistogram { Sum = BinaryPrimitives.ReadDoubleLittleEndian(bytes), Max = double.IsNaN(max) ? null : max };
        for (var at = 16; at < bytes.Length; at += 12)
        {
            var count = BinaryPrimitives.ReadInt64LittleEndian(bytes[(at + 4)..]);
            histogram._buckets[BinaryPrimitives.ReadInt32LittleEndian(bytes[at..])] = count;
            histogram.Count += count;
        }

        return histogram;
    }

    private static int BucketOf(double value) => value > 0 ? (int)Math.Ceiling(Math.Log(value) / s_logFactor) : ZeroBucket;

    private static double MiddleOf(int bucket) => bucket == ZeroBucket ? 0 : 2 * Math.Exp(bucket * s_logFactor) / (1 + Math.Exp(s_logFactor));
}
