using System.Net.Http.Json;
using System.Text.Json;
using OllamaProxy.TestKit;
using OllamaProxy.Tests;

namespace OllamaProxy.FunctionalTests;

/// <summary>The program, started and stopped while its database is down.</summary>
public sealed class PostgresProgramTests : PostgresTest
{
    private const int Requests = 1_100;

    [Fact]
    public async Task Two_proxies_share_a_database_and_lose_no_record_while_it_is_down()
    {
        await using var program = await ProxyProcess.StartAsync(Variables("first"));
        using var first = new HttpClient { BaseAddress = program.Address };
        await SendAsync(first, 10);
        await Eventually.TrueAsync(async () => await TotalAsync(first) == 10);

        await Server.StopAsync();
        await SendAsync(first, Requests);
        await using (var stopped = await ProxyProcess.StartAsync(Variables("second")))
        {
            using var second = new HttpClient { BaseAddress = stopped.Address };
            await SendAsync(second, 5);
            await Eventually.TrueAsync(async () => (await second.GetStringAsync("/healthz")).Contains("degraded", StringComparison.Ordinal));
            await stopped.SignalAsync("TERM");
            Assert.Equal(0, await stopped.ExitAsync());
        }

        // The second proxy has stopped; its records are in its spool folder.
        Assert.NotEmpty(Directory.GetFiles(Path.Combine(Folder.FullName, "second", "spool")));
        await Server.RestartAsync();
        await using var restarted = await ProxyProcess.StartAsync(Variables("second"));
        using var again = new HttpClient { BaseAddress = restarted.Address };
        await Eventually.TrueAsync(async () => await TotalAsync(again) == 10 + Requests + 5);
        await Eventually.TrueAsync(async () => !(await first.GetStringAsync("/healthz")).Contains("degraded", StringComparison.Ordinal));
        Assert.Equal(10 + Requests + 5, await TotalAsync(first));
    }

    private static Task SendAsync(HttpClient proxy, int count) => Parallel.ForEachAsync(
        Enumerable.Range(0, count),
        new ParallelOptions { MaxDegreeOfParallelism = 8 },
        async (_, cancellationToken) =>
        {
            using var response = await proxy.PostAsJsonAsync("/api/generate", new { model = "phi4", prompt = "why is it so" }, cancellationToken);
        });

    private static async Task<long> TotalAsync(HttpClient proxy)
    {
        using var response = await proxy.GetAsync("/analytics/stats");
        return response.IsSuccessStatusCode ? (await response.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("total_records").GetInt64() : -1;
    }

    private Dictionary<string, string?> Variables(string name) => new(StringComparer.Ordinal)
    {
        ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9",
        ["ANALYTICS_BACKEND"] = "postgres",
        ["ANALYTICS_DATABASE_URL"] = Url,
        ["ANALYTICS_DIR"] = Path.Combine(Folder.FullName, name),
    };
}
