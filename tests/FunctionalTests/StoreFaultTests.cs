using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Data.Sqlite;
using OllamaProxy.FunctionalTests.Commands;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A store that cannot write: clients notice nothing, lost records are counted, and recording resumes by itself.</summary>
public sealed class StoreFaultTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-fault-");

    private string Store => Path.Combine(_folder.FullName, "store");

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_full_disk_affects_no_client_and_recording_resumes(string backend)
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
    public async Task A_locked_database_affects_no_client_and_no_record_is_lost()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await StartAsync(ollama, "sqlite");
        await using (var other = new SqliteConnection($"Data Source={Path.Combine(Store, "ollama_analytics.db")};Pooling=False"))
        {
            await other.OpenAsync();
            OriginalFile.Execute(other, "BEGIN IMMEDIATE");
            for (var number = 0; number < 5; number++)
            {
                await AskAsync(proxy, $"locked {number}");
            }

            await Eventually.TrueAsync(async () => await MetricAsync(proxy, "ollama_proxy_store_failures_total") > 0);
            OriginalFile.Execute(other, "ROLLBACK");
        }

        await Eventually.TrueAsync(async () => await CountAsync(proxy, "locked") == 5);
        Assert.Equal(0, await MetricAsync(proxy, "ollama_proxy_records_dropped_total"));
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task A_store_that_cannot_be_opened_does_not_block_requests_and_waiting_records_are_written_later(string backend)
    {
        // A file in place of the folder.
        await File.WriteAllTextAsync(Store, "");
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await StartAsync(ollama, backend);
        for (var number = 0; number < 3; number++)
        {
            await AskAsync(proxy, $"waiting {number}");
        }

        await Eventually.TrueAsync(async () => (await HealthAsync(proxy)).GetProperty("store") is var store
            && store.GetProperty("state").GetString() == "degraded" && store.GetProperty("waiting_records").GetInt32() == 3);
        var health = await HealthAsync(proxy);
        Assert.Equal("degraded", health.GetProperty("status").GetString());
        Assert.Contains(Store, health.GetProperty("store").GetProperty("problem").GetString(), StringComparison.Ordinal);
        Assert.True(health.GetProperty("store").TryGetProperty("since", out _));
        Assert.Equal(0, await MetricAsync(proxy, "ollama_proxy_store_up"));
        foreach (var path in (string[])["stats", "search", "messages/1", "models", "export", "stats/enhanced"])
        {
            using var answer = await proxy.Client.GetAsync($"/analytics/{path}");
            Assert.Equal((path, HttpStatusCode.ServiceUnavailable), (path, answer.StatusCode));
            Assert.Contains(Store, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        File.Delete(Store);

        await Eventually.TrueAsync(async () => (await HealthAsync(proxy)).GetProperty("status").GetString() == "ok");
        await Eventually.TrueAsync(async () => await CountAsync(proxy, "waiting") == 3);
        Assert.Equal("""{"status":"ok","store":{"state":"ok"}}""", await proxy.Client.GetStringAsync("/healthz"));
        Assert.Equal((1, 0), (await MetricAsync(proxy, "ollama_proxy_store_up"), await MetricAsync(proxy, "ollama_proxy_records_dropped_total")));
    }

    [Fact]
    public async Task A_remote_client_sees_no_path_of_a_failing_store()
    {
        await File.WriteAllTextAsync(Store, "");
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await StartAsync(ollama, "sqlite");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/healthz") { Headers = { { "X-Forwarded-For", "192.0.2.7" } } };

        using var answer = await proxy.Client.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();

        Assert.Contains("\"degraded\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain(Store, text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sqlite", "ollama_analytics.db")]
    [InlineData("sqlite", "")]
    [InlineData("jsonl", "requests-*.jsonl")]
    [InlineData("jsonl", "")]
    public async Task Files_deleted_at_runtime_are_created_again_and_records_are_not_written_to_deleted_files(string backend, string files)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows does not delete a file that is in use.");
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await StartAsync(ollama, backend);
        await AskAsync(proxy, "before");
        await Eventually.TrueAsync(async () => await CountAsync(proxy, "before") == 1);

        if (files.Length == 0)
        {
            Directory.Delete(Store, recursive: true);
        }

        Array.ForEach(files.Length == 0 ? [] : Directory.GetFiles(Store, files), File.Delete);
        await AskAsync(proxy, "afterwards");

        await Eventually.TrueAsync(async () => Directory.Exists(Store)
            && Directory.GetFiles(Store, files.Length == 0 ? "*" : files).Length > 0 && await FoundAsync(proxy, "afterwards") == 1);
        Assert.Equal(0, await FoundAsync(proxy, "before"));
    }

    [Fact]
    public async Task A_stop_that_loses_records_reports_their_number_and_fails()
    {
        await File.WriteAllTextAsync(Store, "");
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(), ["OLLAMA_POLL_SECONDS"] = "0", ["ANALYTICS_BACKEND"] = "sqlite", ["ANALYTICS_DIR"] = Store,
        });
        using var client = new HttpClient { BaseAddress = proxy.Address };
        (await client.GetAsync("/api/tags")).Dispose();
        (await client.GetAsync("/api/tags")).Dispose();

        await proxy.SignalAsync("TERM");

        Assert.Equal(1, await proxy.ExitAsync());
        Assert.Contains("Records lost because the store could not write them before the stop: 2.", proxy.Output, StringComparison.Ordinal);
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

    private static async Task<JsonElement> HealthAsync(ProxyUnderTest proxy)
    {
        using var answer = await proxy.Client.GetAsync("/healthz");
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return JsonElement.Parse(await answer.Content.ReadAsStringAsync());
    }

    /// <summary>The number of records with the text; -1 while the store does not answer.</summary>
    private static async Task<int> FoundAsync(ProxyUnderTest proxy, string text)
    {
        using var answer = await proxy.Client.GetAsync($"/analytics/search?prompt_search={text}&limit=1000");
        return answer.IsSuccessStatusCode ? JsonElement.Parse(await answer.Content.ReadAsStringAsync()).GetProperty("count").GetInt32() : -1;
    }

    private static async Task<int> CountAsync(ProxyUnderTest proxy, string text)
    {
        using var json = JsonDocument.Parse(await proxy.Client.GetStringAsync($"/analytics/search?prompt_search={text}&limit=1000"));
        return json.RootElement.GetProperty("count").GetInt32();
    }

    /// <summary>The value of a metric, summed over its labels.</summary>
    private static async Task<double> MetricAsync(ProxyUnderTest proxy, string name) =>
        (await proxy.Client.GetStringAsync("/metrics")).Split('\n')
            .Where(line => line.StartsWith(name, StringComparison.Ordinal) && line[name.Length] is ' ' or '{')
            .Sum(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture));
}
