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
            histogram.Add(index % 7 == 3 ? 0 : Math.Pow(10, random.Next(-300, 300)) * random.NextDouble());
        }

        var read = LogHistogram.FromBytes(histogram.ToBytes());

        Assert.Equal(histogram.ToDistribution(), read.ToDistribution());
        Assert.Equal(histogram.Buckets(), read.Buckets());
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
                merged.Merge(one.ToBytes());
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
        Assert.Equal(1.25, LogHistogram.FromBytes(histogram.ToBytes()).Max);
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
            Assert.Throws<FormatException>(() => LogHistogram.FromBytes(bytes.AsSpan(0, length)));
        }

        Assert.Throws<FormatException>(() => LogHistogram.FromBytes([.. bytes, 0]));
        // A bucket that no number has.
        Assert.Throws<FormatException>(() => LogHistogram.FromBytes([0, 2, 2, 1, 0xFE, 0xFF, 0xFF, 0x7F, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    }

    [Fact]
    public void Sums_add_up()
    {
        var one = new StatSums();
        var two = new StatSums();
        var whole = new StatSums();
        for (var index = 0; index < 200; index++)
        {
            var numbers = new StatNumbers(index / 8.0, index % 3 == 0 ? index : null, index % 4 == 0 ? null : index / 2.0, index, null, index % 5 == 0 ? null : 1L << 33);
            var status = (index % 3) switch { 0 => "success", 1 => "error", _ => "cancelled" };
            (index % 2 == 0 ? one : two).Add(status, numbers);
            whole.Add(status, numbers);
        }

        var fromBytes = new StatSums();
        fromBytes.Merge(one.ToBytes());
        fromBytes.Merge(two.ToBytes());
        one.Merge(two);

        Assert.Equal(whole.ToLine(), one.ToLine());
        Assert.Equal(whole.ToLine(), fromBytes.ToLine());
    }
}
