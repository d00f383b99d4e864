using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// The whole program as one process with only its ports configured, as a user runs it. <c>build.sh test</c> runs it as the published Native AOT
/// file, where code that needs reflection would fail.
/// </summary>
public sealed class PublishedFileTests
{
    [Fact]
    public async Task One_file_forwards_measures_stores_and_serves_the_API()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-published-");
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>
            {
                ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(),
                ["ANALYTICS_BACKEND"] = "sqlite",
                ["ANALYTICS_DIR"] = folder.FullName,
            });
        using var client = new HttpClient { BaseAddress = proxy.Address };
        var cancellation = TestContext.Current.CancellationToken;

        using var generate = new StringContent("""{"model":"tiny","prompt":"Explain =1+1, please","options":{"num_predict":5}}""", Encoding.UTF8,
            "application/json");
        using var answer = await client.PostAsync("/api/generate", generate, cancellation);
        var lines = (await answer.Content.ReadAsStringAsync(cancellation)).TrimEnd().Split('\n');
        JsonElement record = default;
        await Eventually.TrueAsync(async () =>
        {
            var found = await client.GetFromJsonAsync<JsonElement>("/analytics/search?prompt_search=EXPLAIN", cancellation);
            return found.GetProperty("count").GetInt32() == 1 && (record = found.GetProperty("results")[0]).ValueKind == JsonValueKind.Object;
        });
        var metrics = await client.GetStringAsync("/metrics", cancellation);
        var csv = await client.GetStringAsync("/analytics/export?format=csv", cancellation);
        var stats = await client.GetFromJsonAsync<JsonElement>("/analytics/stats", cancellation);
        var test = await client.GetFromJsonAsync<JsonElement>("/test", cancellation);

        Assert.Contains("\"done\":true", lines[^1], StringComparison.Ordinal);
        Assert.Equal("tiny:latest", record.GetProperty("model").GetString());
        Assert.Equal(JsonDocument.Parse(lines[^1]).RootElement.GetProperty("eval_count").GetInt32(), record.GetProperty("output_tokens").GetInt32());
        Assert.Equal(
            5,
            ((string[])["ollama_requests_total{", "ollama_request_duration_seconds_bucket{", "ollama_tokens_generated_bucket{",
                "ollama_tokens_per_second_bucket{", "ollama_active_requests"])
                .Count(name => metrics.Contains(name, StringComparison.Ordinal)));
        Assert.Equal(2, csv.TrimEnd().Split("\r\n").Length);
        Assert.Equal(("sqlite", 1), (stats.GetProperty("backend").GetString(), stats.GetProperty("total_records").GetInt32()));
        Assert.True(test.GetProperty("ollama_reachable").GetBoolean());
        await AssertAnswersAsync(client, cancellation);
    }

    /// <summary>Reads every kind of response, because Native AOT serializes only types with generated code.</summary>
    private static async Task AssertAnswersAsync(HttpClient client, CancellationToken cancellation)
    {
        string[] paths =
        [
            "/analytics", "/analytics/stats?step=1h", "/analytics/stats/enhanced", "/analytics/messages", "/analytics/messages/1", "/analytics/models",
            "/analytics/export",
            "/analytics/export?format=jsonl&message_id=1", "/analytics/ollama", "/analytics/openapi.json",
        ];
        foreach (var path in paths)
        {
            using var answer = await client.GetAsync(path, cancellation);
            Assert.Equal((path, HttpStatusCode.OK), (path, answer.StatusCode));
            Assert.NotEqual(JsonValueKind.Undefined, JsonElement.Parse(await answer.Content.ReadAsStringAsync(cancellation)).ValueKind);
        }

        using var wrong = await client.GetAsync("/analytics/search?limit=0&step=1", cancellation);
        using var live = await client.GetAsync("/analytics/live", HttpCompletionOption.ResponseHeadersRead, cancellation);
        using var login = await client.GetAsync("/analytics/login", cancellation);
        using var deleted = await client.DeleteAsync("/analytics/messages?model=tiny", cancellation);
        Assert.Equal(
            [HttpStatusCode.BadRequest, HttpStatusCode.OK, HttpStatusCode.Forbidden, HttpStatusCode.OK],
            new[] { wrong, live, login, deleted }.Select(answer => answer.StatusCode));
    }

#pragma warning disable RS0030 // The test's own setting for the file under test.
    private static string? File => Environment.GetEnvironmentVariable("OLLAMA_PROXY_UNDER_TEST");
#pragma warning restore RS0030

    public static bool IsNotPublished => string.IsNullOrEmpty(File);

    [Fact(Skip = "there is no published file to test: ./build.sh test publishes one first", SkipWhen = nameof(IsNotPublished))]
    public void The_publish_folder_contains_only_the_published_file()
    {
        Assert.Equal([Path.GetFullPath(File!)], Directory.GetFileSystemEntries(Path.GetDirectoryName(Path.GetFullPath(File!))!));
    }
}
