using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.SlowTests;

/// <summary>A cold load, during which Ollama sends no status line before the first token.</summary>
public sealed class LateFirstByteTests
{
    private static readonly TimeSpan s_load = TimeSpan.FromSeconds(130);

    [Fact(Skip = Slow.Reason, SkipType = typeof(Slow), SkipUnless = nameof(Slow.IsAskedFor))]
    public async Task A_first_byte_after_130_seconds_arrives()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("heavy:latest") { LoadTime = s_load, SaysFixedSentence = true }] },
                cancellationToken: TestContext.Current.CancellationToken);
        await using var proxy = await StoringProxy.StartAsync(ollama.Address);

        var stream = await StreamReading.GenerateAsync(proxy.Client, """{"model":"heavy","prompt":"Wake up"}""");

        var record = await proxy.RecordAsync();
        TestContext.Current.TestOutputHelper!.WriteLine($"first line after {stream.FirstAfter}; recorded {record}");
        Assert.InRange(stream.FirstAfter, s_load, s_load + TimeSpan.FromSeconds(20));
        Assert.Contains("\"done\":true", stream.Lines[^1], StringComparison.Ordinal);
        Assert.Equal("completed", record.GetProperty("outcome").GetString());
        Assert.InRange(record.GetProperty("time_to_first_token").GetDouble(), 130, 150);
        Assert.InRange(record.GetProperty("load_duration").GetDouble(), 130, 150);
    }
}
