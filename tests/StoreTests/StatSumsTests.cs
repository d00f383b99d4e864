using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.StoreTests;

/// <summary>What statistics are kept as adds up to what they were made of.</summary>
public sealed class StatSumsTests
{
    private readonly HistogramParts _parts = new();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5_000)]
    public void A_histogram_comes_back_from_its_bytes(int count)
    {
        var random = new Random(count);
        var histogram = new LogHistogram();
        for (var index = 0; index < count; index++)
        {
            histogram.Add(index % 7 == 3 ? 0 : Math.Pow(10, random.Next(-300, 300)) * random.NextDouble());
        }

        var read = FromBytes(histogram.ToBytes());

        Assert.Equal(histogram.ToDistribution(), read.ToDistribution());
        Assert.Equal(histogram.Buckets(), read.Buckets());
    }

    [Theory]
    [InlineData(60.0, 1)]
    [InlineData(60.0, 3)]
    [InlineData(0.1, 1_000)]
    [InlineData(0.0, 2)]
    public void Percentiles_of_one_value_are_that_value(double value, int count)
    {
        var histogram = new LogHistogram();
        for (var index = 0; index < count; index++)
        {
            histogram.Add(value);
        }

        var read = FromBytes(histogram.ToBytes()).ToDistribution();

        Assert.Equal([value, value, value, value], new[] { read.P5, read.P50, read.P99, read.Max });
    }

    [Fact]
    public void Histograms_add_up_in_any_order_and_any_form()
    {
        var random = new Random(4);
        var whole = new LogHistogram();
        var merged = new LogHistogram();
        for (var part = 0; part < 40; part++)
        {
            var one = new LogHistogram();
            for (var index = random.Next(30); index > 0; index--)
            {
                var value = random.Next(10) == 0 ? 0 : Math.Exp((random.NextDouble() * 20) - 10);
                one.Add(value);
                whole.Add(value);
            }

            if (part % 2 == 0)
            {
                merged.Merge(one);
            }
            else
            {
                merged.Merge(PartsOf(one.ToBytes()));
            }
        }

        Assert.Equal(whole.Buckets(), merged.Buckets());
        Assert.Equal(whole.Count, merged.Count);
        Assert.Equal(whole.Max, merged.Max);
        Assert.Equal(whole.Sum, merged.Sum, whole.Sum * 1e-12);
    }

    [Fact]
    public void A_single_value_takes_few_bytes()
    {
        var histogram = new LogHistogram();
        histogram.Add(1.25);

        Assert.InRange(histogram.ToBytes().Length, 1, 13);
        Assert.Equal(1.25, FromBytes(histogram.ToBytes()).Max);
    }

    [Fact]
    public void What_is_no_histogram_is_refused_and_takes_no_memory()
    {
        var histogram = new LogHistogram();
        histogram.Add(1);
        histogram.Add(2);
        var bytes = histogram.ToBytes();

        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Throws<FormatException>(() => FromBytes(bytes.AsSpan(0, length)));
        }

        Assert.Throws<FormatException>(() => FromBytes([.. bytes, 0]));
        // A bucket that no number has.
        Assert.Throws<FormatException>(() => FromBytes([0, 2, 2, 1, 0xFE, 0xFF, 0xFF, 0x7F, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    }

    [Fact]
    public void Sums_add_up()
    {
        var one = new StatSums();
        var two = new StatSums();
        var whole = new StatSums();
        for (var index = 0; index < 200; index++)
        {
            var numbers = new StatNumbers(index / 8.0, index % 3 == 0 ? index : null, index % 4 == 0 ? null : index / 2.0, index, null, index % 5 == 0 ? null : 1L << 33, index % 6 == 0 ? TimeSpan.FromMicroseconds(index) : null, index % 7 == 0);
            var status = (index % 3) switch { 0 => "success", 1 => "error", _ => "cancelled" };
            (index % 2 == 0 ? one : two).Add(status, numbers);
            whole.Add(status, numbers);
        }

        var fromBytes = new StatSums();
        var cell = new StatCell();
        foreach (var part in (StatSums[])[one, two])
        {
            cell.Read(part.ToBytes());
            fromBytes.Merge(cell);
        }

        one.Merge(two);

        Assert.Equal(whole.ToLine(), one.ToLine());
        Assert.Equal(whole.ToLine(), fromBytes.ToLine());
    }

    [Fact]
    public void Bars_have_round_bounds_and_every_value()
    {
        var histogram = new LogHistogram();
        foreach (var value in (double[])[0, 0.0021, 0.15, 0.19, 0.24, 3, 3.3, 41, 41])
        {
            histogram.Add(value);
        }

        var bars = histogram.Bars();

        Assert.Equal(new HistogramBar(0, 0, 1), bars[0]);
        Assert.Equal(
            [(0.002, 0.0025, 1), (0.125, 0.16, 1), (0.16, 0.2, 1), (0.2, 0.25, 1), (2.5, 3.15, 1), (3.15, 4, 1), (40, 50, 2)],
            bars.Skip(1).Where(bar => bar.Count > 0).Select(bar => (bar.LowerBound, bar.UpperBound, (int)bar.Count)));
        Assert.Equal([0.8, 1, 1.25, 1.6], bars.Where(bar => bar.UpperBound is > 0.7 and < 2).Select(bar => bar.UpperBound));
        Assert.Empty(new LogHistogram().Bars());
    }

    [Fact]
    public void Values_far_apart_do_not_make_a_bar_for_every_power_of_ten_between()
    {
        var histogram = new LogHistogram();
        histogram.Add(1e-300);
        histogram.Add(1e300);

        Assert.Equal(2, histogram.Bars().Count);
    }

    private LogHistogram FromBytes(ReadOnlySpan<byte> bytes)
    {
        var histogram = new LogHistogram();
        histogram.Merge(PartsOf(bytes));
        return histogram;
    }

    /// <summary>One object for all, as in use.</summary>
    private HistogramParts PartsOf(ReadOnlySpan<byte> bytes)
    {
        _parts.Read(bytes);
        return _parts;
    }
}
