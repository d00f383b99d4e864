using System.Net.Http.Json;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A stop with running requests: no request that can finish in time is cut, and all are recorded.</summary>
public sealed class SupervisionDrainTests
{
    private const int Each = 10;

    [Fact]
    public async Task At_a_stop_streams_that_end_in_time_arrive_whole_the_others_are_cut_and_all_are_stored()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent with kill.");
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions
        {
            NumParallel = 2 * Each,
            Models = [new SimulatedModel("brisk:latest") { TokensPerSecond = 10 }, new SimulatedModel("snail:latest") { TokensPerSecond = 2 }],
        });
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-test-");
        try
        {
            var variables = new Dictionary<string, string?>
            {
                ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(),
                ["SHUTDOWN_GRACE_SECONDS"] = "4",
                ["ANALYTICS_BACKEND"] = "sqlite",
                ["ANALYTICS_DIR"] = folder.FullName,
            };
            await using var proxy = await ProxyProcess.StartAsync(variables);
            using var client = new HttpClient { BaseAddress = proxy.Address };
            var begun = new Begun(2 * Each);
            // The fast streams take 2 s, the slow ones a quarter of an hour.
            var brisk = Enumerable.Range(0, Each).Select(_ => ReadAsync(client, begun, "brisk", 20)).ToList();
            var snails = Enumerable.Range(0, Each).Select(_ => ReadAsync(client, begun, "snail", 2_000)).ToList();
            await begun.All;

            await proxy.SignalAsync("TERM");

            Assert.Equal(0, await proxy.ExitAsync());
            Assert.All(await Task.WhenAll(brisk), stream => Assert.True(stream is { IsWhole: true, IsDone: true, Lines: 21 }, stream.ToString()));
            Assert.All(await Task.WhenAll(snails), stream => Assert.True(stream is { IsWhole: false, IsDone: false, Lines: > 0 }, stream.ToString()));
            Assert.Equal(
                [("brisk:latest", "completed", Each), ("snail:latest", "proxy_stopped", Each)],
                await OutcomesAsync(variables));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The records in the store, as the next run of the program reads them.</summary>
    private static async Task<IEnumerable<(string? Model, string? Outcome, int Count)>> OutcomesAsync(Dictionary<string, string?> variables)
    {
        await using var next = await ProxyProcess.StartAsync(variables);
        using var client = new HttpClient { BaseAddress = next.Address };
        var found = await client.GetFromJsonAsync<JsonElement>("/analytics/export?endpoint=chat&format=json");
        var records = found.ValueKind == JsonValueKind.Array ? found : found.GetProperty("results");
        return records.EnumerateArray()
            .GroupBy(record => (Model: record.GetProperty("model").GetString(), Outcome: record.GetProperty("outcome").GetString()))
            .Select(group => (group.Key.Model, group.Key.Outcome, group.Count()))
            .OrderBy(entry => entry.Model, StringComparer.Ordinal);
    }

    private static async Task<Stream> ReadAsync(HttpClient client, Begun begun, string model, int tokens)
    {
        var (lines, last) = (0, "");
        var chat = $$$"""{"model":"{{{model}}}","messages":[{"role":"user","content":"hello"}],"options":{"num_predict":{{{tokens}}}}}""";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/chat") { Content = new StringContent(chat) };
        using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        try
        {
            while (await reader.ReadLineAsync() is { } line)
            {
                last = line;
                if (lines++ == 0)
                {
                    begun.One();
                }
            }

            return new Stream(true, last.Contains("\"done\":true", StringComparison.Ordinal), lines);
        }
        catch (IOException)
        {
            return new Stream(false, last.Contains("\"done\":true", StringComparison.Ordinal), lines);
        }
    }

    /// <param name="IsWhole">True if its framing ended in order.</param>
    /// <param name="IsDone">True if it had Ollama's terminator.</param>
    /// <param name="Lines">The number of lines received.</param>
    private sealed record Stream(bool IsWhole, bool IsDone, int Lines);

    private sealed class Begun(int count)
    {
        private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _left = count;

        public Task All => _all.Task.WaitAsync(Patience.Limit);

        public void One()
        {
            if (Interlocked.Decrement(ref _left) == 0)
            {
                _all.SetResult();
            }
        }
    }
}
