using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A store that cannot write: clients notice nothing, what is lost is counted, and recording goes on by itself.</summary>
public sealed class StoreFaultTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-fault-");

    private string Store => Path.Combine(_folder.FullName, "store");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_full_disk_costs_no_client_anything_and_recording_goes_on(string backend)
    {
        using var disk = SmallDisk.TryMount(_folder.FullName, "24m");
        Assert.SkipWhen(disk is null, SmallDisk.Reason);
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await StartAsync(ollama, backend);
        await AskAsync(proxy, "before");
        await Eventually.TrueAsync(async () => await CountAsync(proxy, "before") == 1);

        disk.Fill();
        var asked = 1;
        while (await MetricAsync(proxy, "ollama_proxy_store_failures_total") == 0)
        {
            await AskAsync(proxy, $"meanwhile {new string('x', 4_000)}");
            asked++;
        }

        disk.Clear();
        await AskAsync(proxy, "afterwards");
        await Eventually.TrueAsync(async () => await CountAsync(proxy, "afterwards") == 1);
        await Eventually.TrueAsync(async () =>
            await MetricAsync(proxy, "ollama_proxy_records_written_total") + await MetricAsync(proxy, "ollama_proxy_records_dropped_total") == asked + 1);
    }

    [Fact]
    public async Task A_database_that_somebody_locks_costs_no_client_anything_and_nothing_is_lost()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await StartAsync(ollama, "sqlite");
        await using (var somebody = new SqliteConnection($"Data Source={Path.Combine(Store, "ollama_analytics.db")};Pooling=False"))
        {
            await somebody.OpenAsync();
            Execute(somebody, "BEGIN IMMEDIATE");
            for (var number = 0; number < 5; number++)
            {
                await AskAsync(proxy, $"locked {number}");
            }

            await Eventually.TrueAsync(async () => await MetricAsync(proxy, "ollama_proxy_store_failures_total") > 0, TimeSpan.FromSeconds(20));
            Execute(somebody, "ROLLBACK");
        }

        await Eventually.TrueAsync(async () => await CountAsync(proxy, "locked") == 5, TimeSpan.FromSeconds(20));
        Assert.Equal(0, await MetricAsync(proxy, "ollama_proxy_records_dropped_total"));
    }

    private Task<ProxyUnderTest> StartAsync(SimulatedOllamaServer ollama, string backend) =>
        ProxyUnderTest.StartAsync(ollama.Address, new Dictionary<string, string>
        {
            ["ANALYTICS_BACKEND"] = backend, ["ANALYTICS_DIR"] = Store, ["ANALYTICS_CAPTURE"] = "full", ["ANALYTICS_FLUSH_MS"] = "0",
        });

    private static async Task AskAsync(ProxyUnderTest proxy, string prompt)
    {
        using var body = new StringContent(JsonSerializer.Serialize(new { model = "tiny", prompt, stream = false }), Encoding.UTF8);
        using var answer = await proxy.Client.PostAsync("/api/generate", body);
        using var json = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());
        Assert.True(answer.IsSuccessStatusCode && json.RootElement.GetProperty("done").GetBoolean());
    }

    private static async Task<int> CountAsync(ProxyUnderTest proxy, string text)
    {
        using var json = JsonDocument.Parse(await proxy.Client.GetStringAsync($"/analytics/search?prompt_search={text}&limit=1000"));
        return json.RootElement.GetProperty("count").GetInt32();
    }

    /// <summary>The sum over all labels.</summary>
    private static async Task<double> MetricAsync(ProxyUnderTest proxy, string name) =>
        (await proxy.Client.GetStringAsync("/metrics")).Split('\n')
            .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] is ' ' or '{')
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));

    private static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The test's own text.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
