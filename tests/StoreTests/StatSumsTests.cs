using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.StoreTests;

/// <summary>What statistics are kept as adds up to what they were made of.</summary>
public sealed class StatSumsTests
{
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
            histogram.Add(index % 7 == 3 ? 0 : Math.Pow(10, random.Next(-280, 280)) * random.NextDouble());
        }

        var read = Copy(histogram);

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

        var read = Copy(histogram).ToDistribution();

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
                merged.Merge(Copy(one));
            }
        }

        Assert.Equal(whole.Buckets(), merged.Buckets());
        Assert.Equal(whole.Count, merged.Count);
        Assert.Equal(whole.Max, merged.Max);
        Assert.Equal(whole.Sum, merged.Sum, whole.Sum * 1e-12);
    }

    [Fact]
    public void Values_out_of_all_proportion_are_counted()
    {
        var histogram = new LogHistogram();
        Array.ForEach([double.MaxValue, double.Epsilon, 1, double.NaN, double.PositiveInfinity], histogram.Add);

        Assert.Equal((3, double.MaxValue), (Copy(histogram).Count, Copy(histogram).Max));
        Assert.Equal(12, HistogramBytes.Of(histogram).Length);
    }

    [Fact]
    public void A_count_of_any_size_comes_back()
    {
        var histogram = new LogHistogram();
        histogram.Add(7, 200_000);
        histogram.Add(LogHistogram.ZeroBucket, 65_536);

        Assert.Equal([(LogHistogram.ZeroBucket, 65_536), (7, 200_000)], Copy(histogram).Buckets());
    }

    [Fact]
    public void Histograms_one_after_the_other_are_their_sum()
    {
        var (one, two, both) = (new LogHistogram(), new LogHistogram(), new LogHistogram());
        Array.ForEach([1.0, 2, 3], one.Add);
        Array.ForEach([0.0, 2, 9], two.Add);

        HistogramBytes.AddTo(both, [.. HistogramBytes.Of(one), .. HistogramBytes.Of(two)]);
        one.Merge(two);

        Assert.Equal(one.Buckets(), both.Buckets());
    }

    [Fact]
    public void Bytes_of_another_origin_are_some_counts_and_take_little_memory()
    {
        var random = new Random(3);
        for (var length = 0; length < 200; length++)
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            var histogram = new LogHistogram();
            HistogramBytes.AddTo(histogram, bytes);

            Assert.InRange(histogram.Buckets().Count(), 0, length / 4);
        }
    }

    [Fact]
    public void Sums_add_up()
    {
        var one = new StatSums();
        var two = new StatSums();
        var whole = new StatSums();
        for (var index = 0; index < 200; index++)
        {
            var status = (index % 3) switch { 0 => "success", 1 => "error", _ => "cancelled" };
            var fact = new StatFact(
                status, index * 125_000, index % 3 == 0 ? index : null, index % 4 == 0 ? null : index / 2.0, index, null, index % 5 == 0 ? null : 1L << 33,
                index % 6 == 0 ? index : null, index % 7 == 0);
            (index % 2 == 0 ? one : two).Add(fact);
            whole.Add(fact);
        }

        one.Merge(two);

        Assert.Equal(whole.ToLine(), one.ToLine());
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

    /// <summary>The histogram that a store would read.</summary>
    private static LogHistogram Copy(LogHistogram histogram)
    {
        var copy = new LogHistogram();
        HistogramBytes.AddTo(copy, HistogramBytes.Of(histogram));
        copy.AddSum(histogram.Sum, histogram.Max ?? 0);
        return copy;
    }
}
