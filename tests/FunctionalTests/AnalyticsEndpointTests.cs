using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The analytics API, from the exchange to the answer.</summary>
public sealed class AnalyticsEndpointTests
{
    private static readonly Uri s_nobody = new("http://127.0.0.1:9");
    private static readonly Dictionary<string, string> s_forEver = new() { ["ANALYTICS_RETENTION_DAYS"] = "0" };

    [Fact]
    public async Task A_search_answers_with_the_keys_of_the_original_first_and_in_its_order()
    {
        await using var proxy = await StartAsync(Asked("phi4", "explain Köln", 60), Asked("llama3", "hello", 120));

        using var found = await JsonAsync(proxy, "/analytics/search?model=PHI4&prompt_search=EXPLAIN%20k%C3%96ln&start_time=60&end_time=1970-01-01T00:01:00Z");

        Assert.Equal(1, found.RootElement.GetProperty("count").GetInt32());
        var record = found.RootElement.GetProperty("results")[0];
        Assert.Equal(
            ["id", "model", "endpoint", "prompt", "category", "response", "latency", "output_tokens", "tokens_per_second", "input_tokens", "load_duration",
                "total_duration", "status_code", "error",
                "user_agent", "client_ip", "user", "cost", "status", "queue_time", "time_to_first_token", "metadata", "timestamp"],
            record.EnumerateObject().Take(23).Select(property => property.Name));
        Assert.Equal("phi4:latest", record.GetProperty("model").GetString());
        Assert.Equal(2.5, record.GetProperty("latency").GetDouble());
        Assert.Equal(60, record.GetProperty("timestamp").GetInt64());
        Assert.Equal(JsonValueKind.Null, record.GetProperty("cost").ValueKind);
        Assert.Equal("completed", record.GetProperty("outcome").GetString());
    }

    [Fact]
    public async Task Statistics_name_the_backend_its_folder_and_how_much_there_is()
    {
        await using var proxy = await StartAsync(Asked("phi4", "a", 60), Asked("phi4", "b", 120));

        using var stats = await JsonAsync(proxy, "/analytics/stats");

        Assert.Equal(["backend", "data_dir", "queue_size", "total_records", "size_bytes", "oldest", "newest"],
            stats.RootElement.EnumerateObject().Take(7).Select(property => property.Name));
        Assert.Equal("sqlite", stats.RootElement.GetProperty("backend").GetString());
        Assert.True(stats.RootElement.GetProperty("size_bytes").GetInt64() > 0);
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(120), stats.RootElement.GetProperty("newest").GetDateTimeOffset());
    }

    [Theory]
    [InlineData("Host", "evil.example")]
    [InlineData("X-Forwarded-For", "127.0.0.1")]
    [InlineData("Forwarded", "for=127.0.0.1")]
    public async Task What_may_not_be_from_this_machine_is_refused(string header, string value)
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody);
        foreach (var path in (string[])["/analytics", "/analytics/stats", "/analytics/search", "/analytics/export", "/test"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.TryAddWithoutValidation(header, value);

            using var answer = await proxy.Client.SendAsync(request);

            Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.Equal("no-store", answer.Headers.CacheControl?.ToString());
            Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
        }
    }

    [Theory]
    [InlineData("PUT")]
    [InlineData("POST")]
    [InlineData("DELETE")]
    public async Task Only_GET_and_HEAD_are_answered_where_nothing_can_be_changed(string method)
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody);
        using var request = new HttpRequestMessage(new HttpMethod(method), "/analytics/export");

        using var answer = await proxy.Client.SendAsync(request);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        Assert.Equal(["GET", "HEAD"], answer.Content.Headers.Allow);
    }

    [Fact]
    public async Task Without_a_store_the_answer_says_how_to_have_one()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none" });

        using var search = await proxy.Client.GetAsync("/analytics/search");
        using var stats = await JsonAsync(proxy, "/analytics/stats");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, search.StatusCode);
        Assert.Contains("ANALYTICS_BACKEND=sqlite", await search.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("none", stats.RootElement.GetProperty("backend").GetString());
        Assert.Equal(0, stats.RootElement.GetProperty("total_records").GetInt64());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1_000)]
    public async Task The_test_names_every_model(int count)
    {
        string[] names = [.. Enumerable.Range(0, count).Select(number => $"model-{number}:latest")];
        var tags = JsonSerializer.SerializeToUtf8Bytes(new { models = names.Select(name => new { name }) });
        // Ollama sends a long list in chunks.
        byte[] answer = [.. "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"u8, .. Encoding.ASCII.GetBytes($"{tags.Length:x}\r\n"), .. tags,
            .. "\r\n0\r\n\r\n"u8];
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, answer)], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address);

        using var test = await JsonAsync(proxy, "/test");

        Assert.Equal("ok", test.RootElement.GetProperty("status").GetString());
        Assert.Equal(names, test.RootElement.GetProperty("models").EnumerateArray().Select(name => name.GetString()));
    }

    [Fact]
    public async Task The_test_says_that_Ollama_is_down()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody);

        using var answer = await proxy.Client.GetAsync("/test");
        using var test = JsonDocument.Parse(await answer.Content.ReadAsStringAsync());

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal(["status", "ollama_host", "ollama_reachable", "error"], test.RootElement.EnumerateObject().Select(property => property.Name));
    }

    [Fact]
    public async Task Records_older_than_their_retention_are_removed_at_the_start()
    {
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-retention-");
        await using (await StartAsync(new Dictionary<string, string>(s_forEver) { ["ANALYTICS_DIR"] = folder.FullName }, Asked("phi4", "old", 60)))
        {
        }

        await using (var proxy = await ProxyUnderTest.StartAsync(s_nobody, new Dictionary<string,
            string> { ["ANALYTICS_DIR"] = folder.FullName, ["ANALYTICS_RETENTION_DAYS"] = "7" }))
        {
            await Eventually.TrueAsync(async () => await CountAsync(proxy) == 0);
        }

        folder.Delete(recursive: true);
    }

    private static Task<ProxyUnderTest> StartAsync(params Exchange[] exchanges) => StartAsync(s_forEver, exchanges);

    /// <summary>A proxy that has stored these exchanges.</summary>
    private static async Task<ProxyUnderTest> StartAsync(Dictionary<string, string> variables, params Exchange[] exchanges)
    {
        var proxy = await ProxyUnderTest.StartAsync(s_nobody, variables);
        var queue = proxy.Services.GetRequiredService<ExchangeQueue>();
        Assert.All(exchanges, exchange => Assert.True(queue.TryEnqueue(exchange)));
        await Eventually.TrueAsync(async () => await CountAsync(proxy) == exchanges.Length);
        return proxy;
    }

    private static async Task<long> CountAsync(ProxyUnderTest proxy)
    {
        using var stats = await JsonAsync(proxy, "/analytics/stats");
        return stats.RootElement.GetProperty("total_records").GetInt64();
    }

    private static async Task<JsonDocument> JsonAsync(ProxyUnderTest proxy, string path) => JsonDocument.Parse(await proxy.Client.GetStringAsync(path));

    private static Exchange Asked(string model, string prompt, int second) => new()
    {
        Id = Guid.CreateVersion7().ToString("N"),
        StartedAt = DateTimeOffset.UnixEpoch.AddSeconds(second),
        Duration = TimeSpan.FromSeconds(2.5),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        StatusCode = 200,
        Outcome = ExchangeOutcome.Completed,
        Request = new RequestFacts { Model = model, Prompt = prompt },
        Response = new ResponseFacts { Terminated = true },
    };
}
