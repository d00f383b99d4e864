using System.Globalization;

namespace OllamaProxy.Domain;

/// <summary>What <see cref="LogHistogram.ToBytes"/> wrote, taken apart once to be added to several histograms. One object is read into again and again.</summary>
public sealed class HistogramParts
{
    private (int Bucket, long Count)[] _filled = new (int, long)[8];

    private int _length;

    internal long Zeros { get; private set; }

    internal double Sum { get; private set; }

    /// <summary>Means nothing without a value.</summary>
    internal double Max { get; private set; }

    internal long Count { get; private set; }

    /// <summary>The buckets above zero that hold something, in their order.</summary>
    internal ReadOnlySpan<(int Bucket, long Count)> Filled => _filled.AsSpan(0, _length);

    /// <summary>Throws <see cref="FormatException"/> on anything that <see cref="LogHistogram.ToBytes"/> did not write; what is held then must not be used.</summary>
    public void Read(ReadOnlySpan<byte> bytes)
    {
        Count = Zeros = CompactNumbers.Take(ref bytes);
        var length = CompactNumbers.Take(ref bytes);
        // Two bytes each, at least.
        if (length > bytes.Length / 2)
        {
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{length} buckets do not fit into {bytes.Length} bytes."));
        }

        _length = (int)length;
        if (_filled.Length < _length)
        {
            _filled = new (int, long)[_length * 2];
        }

        var bucket = 0L;
        for (var index = 0; index < _length; index++)
        {
            var distance = Unfold(CompactNumbers.Take(ref bytes));
            bucket += distance;
            if (bucket is < -LogHistogram.OutermostBucket or > LogHistogram.OutermostBucket || (distance <= 0 && index > 0))
            {
                throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"There is no bucket {bucket} here."));
            }

            var count = CompactNumbers.Take(ref bytes);
            _filled[index] = ((int)bucket, count);
            Count += count;
        }

        Sum = Count > 0 ? CompactNumbers.TakeDouble(ref bytes) : 0;
        Max = Count > 1 ? CompactNumbers.TakeDouble(ref bytes) : Sum;
        if (!bytes.IsEmpty)
        {
            throw new FormatException(string.Create(CultureInfo.InvariantCulture, $"{bytes.Length} bytes stand behind a histogram."));
        }
    }

    /// <summary>Numbers of either sign as numbers without: 0, -1, 1, -2, ...</summary>
    internal static long Fold(long number) => (number << 1) ^ (number >> 63);

    private static long Unfold(long number) => (long)((ulong)number >> 1) ^ -(number & 1);
}
