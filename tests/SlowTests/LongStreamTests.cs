using OllamaProxy.TestKit;

namespace OllamaProxy.SlowTests;

/// <summary>A long response, which no timeout may cut.</summary>
public sealed class LongStreamTests
{
    private const int Lines = 600;
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(0.25);

    [Fact(Skip = Slow.Reason, SkipType = typeof(Slow), SkipUnless = nameof(Slow.IsAskedFor))]
    public async Task A_stream_of_150_seconds_is_relayed_token_by_token()
    {
        await using var upstream = ScriptedStream.Of([.. Enumerable.Repeat(s_pause, Lines)]);
        await using var proxy = await StoringProxy.StartAsync(upstream.Address);

        var stream = await StreamReading.GenerateAsync(proxy.Client, """{"model":"m","prompt":"Go on"}""");

        var record = await proxy.RecordAsync();
        TestContext.Current.TestOutputHelper!.WriteLine($"{stream.Lines.Count} lines in {stream.Whole}, longest pause {stream.LongestGap}; recorded {record}");
        Assert.Equal(Lines + 1, stream.Lines.Count);
        Assert.All(stream.Lines.Zip(ScriptedStream.Texts(Lines)), pair => Assert.Contains(pair.Second, pair.First, StringComparison.Ordinal));
        Assert.InRange(stream.Whole, s_pause * Lines, TimeSpan.FromSeconds(200));
        // A proxy that buffers lines would send many at once after a long pause.
        Assert.InRange(stream.LongestGap, s_pause, TimeSpan.FromSeconds(5));
        Assert.Equal(("completed", Lines), (record.GetProperty("outcome").GetString(), record.GetProperty("output_tokens").GetInt32()));
        Assert.InRange(record.GetProperty("latency").GetDouble(), 150, 200);
    }
}

/// <summary>A long pause in the middle of a response, as when the machine swaps.</summary>
public sealed class SilentStreamTests
{
    [Fact(Skip = Slow.Reason, SkipType = typeof(Slow), SkipUnless = nameof(Slow.IsAskedFor))]
    public async Task A_pause_of_140_seconds_in_a_stream_is_not_a_timeout()
    {
        var silence = TimeSpan.FromSeconds(140);
        await using var upstream = ScriptedStream.Of([TimeSpan.Zero, TimeSpan.Zero, silence, TimeSpan.Zero]);
        await using var proxy = await StoringProxy.StartAsync(upstream.Address);

        var stream = await StreamReading.GenerateAsync(proxy.Client, """{"model":"m","prompt":"Go on"}""");

        var record = await proxy.RecordAsync();
        TestContext.Current.TestOutputHelper!.WriteLine($"first line after {stream.FirstAfter}, longest pause {stream.LongestGap}; recorded {record}");
        Assert.Equal(5, stream.Lines.Count);
        Assert.InRange(stream.FirstAfter, TimeSpan.Zero, TimeSpan.FromSeconds(20));
        Assert.InRange(stream.LongestGap, silence - TimeSpan.FromSeconds(1), silence + TimeSpan.FromSeconds(20));
        Assert.Equal("completed", record.GetProperty("outcome").GetString());
        Assert.InRange(record.GetProperty("longest_gap").GetDouble(), 139, 160);
    }
}
