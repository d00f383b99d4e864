namespace OllamaProxy.Domain;

/// <summary>
/// Counts of values in buckets whose bounds grow by a constant factor, so that every percentile is at most 1 % off whatever the values are (the idea of
/// DDSketch, Masson et al. 2019). Sparse and mergeable: the histograms of hours add up without the requests.
/// </summary>
public sealed class LogHistogram
{
    /// <summary>Half the width of a bucket, relative to its middle.</summary>
    public const double RelativeError = 0.01;

    private static readonly double s_logFactor = Math.Log((1 + RelativeError) / (1 - RelativeError));

    /// <summary>The bucket of the values that are not above zero; its value is 0.</summary>
    public const int ZeroBucket = short.MinValue;

    /// <summary>Values beyond 1e284, or between 0 and 1e-284, are counted in the outermost buckets.</summary>
    private const int OutermostBucket = short.MaxValue;

    /// <summary>The ends of the bars between 1 and 10.</summary>
    private static readonly double[] s_ends = [1, 1.25, 1.6, 2, 2.5, 3.15, 4, 5, 6.3, 8];

    private const int MaxBars = 200;

    /// <summary>The counts of the buckets from <see cref="_first"/> on, as few as there must be: adding up hours of them is all that statistics cost.</summary>
    private long[] _counts = [];

    private int _first;

    private long _zeros;

    public long Count { get; private set; }

    public double Sum { get; private set; }

    public double? Max { get; private set; }

    /// <param name="value">What is not finite is left out: it has no bucket.</param>
    public void Add(double value)
    {
        if (!double.IsFinite(value))
        {
            return;
        }

        Add(BucketOf(value), 1);
        Sum += value;
        Max = Max is { } max && max >= value ? max : value;
    }

    public void Merge(LogHistogram other)
    {
        if (other._counts.Length > 0)
        {
            Reach(other._first);
            Reach(other._first + other._counts.Length - 1);
            var target = _counts.AsSpan(other._first - _first, other._counts.Length);
            for (var index = 0; index < target.Length; index++)
            {
                target[index] += other._counts[index];
            }
        }

        _zeros += other._zeros;
        Count += other.Count;
        Sum += other.Sum;
        Max = Max is { } max && !(other.Max > max) ? max : other.Max;
    }

    /// <summary>Adds values of which only the bucket is known. Their sum and maximum follow with <see cref="AddSum"/>.</summary>
    /// <param name="bucket">From <see cref="ZeroBucket"/> to <see cref="short.MaxValue"/>.</param>
    /// <param name="count">How many; not negative.</param>
    public void Add(int bucket, long count)
    {
        Count += count;
        if (bucket == ZeroBucket)
        {
            _zeros += count;
            return;
        }

        Reach(bucket);
        _counts[bucket - _first] += count;
    }

    /// <summary>Adds the sum and the maximum of the values that <see cref="Add(int, long)"/> added.</summary>
    public void AddSum(double sum, double max)
    {
        Sum += sum;
        Max = Max >= max ? Max : max;
    }

    /// <summary>The value below which a part of all values lies; null without values.</summary>
    /// <param name="quantile">0 to 1.</param>
    public double? Quantile(double quantile)
    {
        if (Count == 0 || Max is null)
        {
            return null;
        }

        // All values are the same, and then no percentile is off: one record of 60 tokens a second has a median of 60. The sum was rounded once for each value.
        if (Sum >= Max.Value * Count * (1 - 1e-9))
        {
            return Max;
        }

        var rank = (long)Math.Max(0, Math.Ceiling(quantile * Count) - 1) - _zeros;
        var index = -1;
        while (rank >= 0)
        {
            rank -= _counts[++index];
        }

        return Math.Min(MiddleOf(index < 0 ? ZeroBucket : _first + index), Max.Value);
    }

    public Distribution ToDistribution() => Count == 0
        ? Distribution.Empty
        : new Distribution
        {
            Count = Count,
            Mean = Sum / Count,
            P5 = Quantile(0.05),
            P10 = Quantile(0.1),
            P50 = Quantile(0.5),
            P90 = Quantile(0.9),
            P95 = Quantile(0.95),
            P99 = Quantile(0.99),
            Max = Max,
        };

    /// <summary>The buckets that are not empty, lowest first.</summary>
    public IEnumerable<(int Bucket, long Count)> Buckets()
    {
        if (_zeros > 0)
        {
            yield return (ZeroBucket, _zeros);
        }

        for (var index = 0; index < _counts.Length; index++)
        {
            if (_counts[index] > 0)
            {
                yield return (_first + index, _counts[index]);
            }
        }
    }

    /// <summary>
    /// Fewer and rounder buckets, for a chart: ten in each power of ten, whose bounds are the preferred numbers of ISO 3 (R10). A value may stand in the
    /// neighbouring bar when it is nearer to the bound than the error.
    /// </summary>
    public IReadOnlyList<HistogramBar> Bars()
    {
        var counts = new SortedDictionary<int, long>();
        foreach (var (bucket, count) in Buckets())
        {
            var bar = bucket == ZeroBucket ? ZeroBucket : BarOf(MiddleOf(bucket));
            counts[bar] = counts.GetValueOrDefault(bar) + count;
        }

        List<HistogramBar> bars = counts.Remove(ZeroBucket, out var zeros) ? [new HistogramBar(0, 0, zeros)] : [];
        if (counts.Count > 0)
        {
            var (first, last) = (counts.First().Key, counts.Last().Key);
            // Bars are for lengths and speeds, which are few powers of ten apart; whatever else there is must not become a million empty bars.
            bars.AddRange(last - first < MaxBars
                ? Enumerable.Range(first, last - first + 1).Select(bar => new HistogramBar(EndOf(bar - 1), EndOf(bar), counts.GetValueOrDefault(bar)))
                : counts.Select(bar => new HistogramBar(EndOf(bar.Key - 1), EndOf(bar.Key), bar.Value)));
        }

        return bars;
    }

    private void Reach(int bucket)
    {
        if ((uint)(bucket - _first) >= (uint)_counts.Length)
        {
            Grow(bucket);
        }
    }

    /// <summary>Makes room for a bucket, and for some beside it.</summary>
    private void Grow(int bucket)
    {
        if (_counts.Length == 0)
        {
            (_counts, _first) = (new long[4], bucket - 1);
            return;
        }

        var spare = Math.Min(_counts.Length, 64);
        var first = bucket < _first ? bucket - spare : _first;
        var end = Math.Max(bucket < _first ? 0 : bucket + spare, _first + _counts.Length);
        var counts = new long[end - first];
        _counts.CopyTo(counts, _first - first);
        (_counts, _first) = (counts, first);
    }

    private static int BucketOf(double value) =>
        value > 0 ? (int)Math.Clamp(Math.Ceiling(Math.Log(value) / s_logFactor), -OutermostBucket, OutermostBucket) : ZeroBucket;

    /// <summary>The first bar whose end is not less.</summary>
    private static int BarOf(double value)
    {
        var bar = ((int)Math.Floor(Math.Log10(value)) * s_ends.Length) - 1;
        while (EndOf(bar) < value)
        {
            bar++;
        }

        return bar;
    }

    private static double EndOf(int bar)
    {
        var power = (int)Math.Floor(bar / (double)s_ends.Length);
        // A division by a power of ten is exact where a multiplication by its inverse is not: 0.2, not 0.2000...01.
        return power < 0 ? s_ends[bar - (power * s_ends.Length)] / Math.Pow(10, -power) : s_ends[bar - (power * s_ends.Length)] * Math.Pow(10, power);
    }

    private static double MiddleOf(int bucket) => bucket == ZeroBucket ? 0 : 2 * Math.Exp(bucket * s_logFactor) / (1 + Math.Exp(s_logFactor));
}
