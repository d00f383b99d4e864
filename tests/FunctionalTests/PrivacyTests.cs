using System.Net;
using System.Text;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A text that passed through the program is found in the store if allowed, and nowhere else.</summary>
public sealed class PrivacyTests
{
    /// <summary>The response of the model <c>tiny</c> to every prompt.</summary>
    private const string Answer = "tiny llama";

    public static TheoryData<string, bool, bool> Settings => new()
    {
        { "", true, true },
        { "ANALYTICS_PREVIEW_LENGTH=10", false, false },
        { "ANALYTICS_CAPTURE=full ANALYTICS_PREVIEW_LENGTH=10", true, true },
        { "ANALYTICS_CAPTURE=none", false, false },
        { "ANALYTICS_REDACT=email", false, true },
        { "ANALYTICS_REDACT=all ANALYTICS_CAPTURE=full", false, true },
        { "ANALYTICS_REDACT=card,phone,key", true, true },
        { "ANALYTICS_REDACT_PATTERNS=canary\\w+;;tiny.llama", false, false },
        { "ANALYTICS_BACKEND=none", false, false },
    };

    [Theory]
    [MemberData(nameof(Settings))]
    public async Task A_canary_text_is_found_only_where_it_is_allowed(string settings, bool promptKept, bool answerKept)
    {
        var canary = $"canary{Guid.NewGuid():N}";
        var text = $"Please write to {canary}@example.com";
        // A model name is not a text: it may be in the log, but not in metric labels.
        var stranger = $"stranger{Guid.NewGuid():N}";
        var log = new CapturedLog();
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using (var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Variables(settings), log.Register))
        {
            await PostAsync(proxy, "/api/generate", new { model = "tiny", prompt = text, system = text, stream = false });
            await PostAsync(proxy, "/api/chat", new { model = "tiny", messages = Messages(text) });
            await PostAsync(proxy, "/v1/chat/completions", new { model = "tiny", stream = true, messages = Messages(text) });
            await PostAsync(proxy, "/v1/messages",
                new { model = "tiny", max_tokens = 100, system = text, messages = new[] { new { role = "user", content = text } } });
            await PostAsync(proxy, "/api/embed", new { model = "tiny-embed", input = text });
            // Requests that fail must not leak texts either: a missing model, and a truncated body.
            await PostAsync(proxy, "/api/chat", new { model = stranger, messages = Messages(text) }, HttpStatusCode.NotFound);
            using (await proxy.Client.PostAsync("/api/chat", new StringContent($"{{\"model\":\"tiny\",\"messages\":[{{\"content\":\"{text}")))
            {
            }

            var metrics = await MetricsOfAsync(proxy, 7);
            Assert.DoesNotContain(canary, metrics, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(stranger, metrics, StringComparison.OrdinalIgnoreCase);
            Assert.DoesNotContain(Answer, metrics, StringComparison.Ordinal);

            var hasStore = !settings.Contains("ANALYTICS_BACKEND=none", StringComparison.Ordinal);
            if (hasStore)
            {
                await Eventually.TrueAsync(async () => await CountAsync(proxy) == 7);
            }

            // The model name is stored as requested, so search for the part of the canary that no model name has.
            var texts = $"{canary}@example";
            Assert.Equal(promptKept, IsInFiles(proxy.Folder, texts));
            Assert.Equal(answerKept, IsInFiles(proxy.Folder, Answer));
            foreach (var format in hasStore ? (string[])["json", "csv"] : [])
            {
                var export = await proxy.Client.GetStringAsync($"/analytics/export?format={format}");
                Assert.Equal(promptKept, export.Contains(texts, StringComparison.Ordinal));
                Assert.Equal(answerKept, export.Contains(Answer, StringComparison.Ordinal));
                Assert.Equal(settings.Contains("REDACT=email", StringComparison.Ordinal) || settings.Contains("REDACT=all", StringComparison.Ordinal),
                    export.Contains("[redacted:email]", StringComparison.Ordinal));
            }
        }

        Assert.NotEmpty(log.Lines);
        Assert.DoesNotContain(log.Lines, line => line.Contains(canary, StringComparison.OrdinalIgnoreCase) || line.Contains(Answer, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("ANALYTICS_REDACT_PATTERNS=canary\\w+", false)]
    [InlineData("ANALYTICS_CAPTURE=none", false)]
    public async Task A_text_that_Ollama_quotes_in_an_error_is_treated_as_a_text(string settings, bool kept)
    {
        var canary = $"canary{Guid.NewGuid():N}";
        var body = $$"""{"error":"error parsing tool call: raw='{{canary}}', err=unexpected end of JSON input"}""";
        var log = new CapturedLog();
        await using var upstream = new RawUpstream(RawUpstream.Replay(
            [(TimeSpan.Zero,
                Encoding.ASCII.GetBytes($"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json; charset=utf-8\r\n"
                    + $"Content-Length: {body.Length}\r\n\r\n{body}"))], close: false));
        await using (var proxy = await ProxyUnderTest.StartAsync(upstream.Address, Variables(settings), log.Register))
        {
            await PostAsync(proxy, "/api/chat", new { model = "tiny", messages = Messages("hello") }, HttpStatusCode.InternalServerError);
            await Eventually.TrueAsync(async () => await CountAsync(proxy) == 1);

            Assert.Equal(kept, IsInFiles(proxy.Folder, canary));
            Assert.DoesNotContain(canary, await proxy.Client.GetStringAsync("/metrics"), StringComparison.Ordinal);
        }

        Assert.DoesNotContain(log.Lines, line => line.Contains(canary, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("all", "", 4)]
    [InlineData("work", "", 2)]
    [InlineData("work", "TRACK_EMBEDDINGS=false", 1)]
    [InlineData("inference", "TRACK_EMBEDDINGS=no", 1)]
    public async Task Requests_that_are_not_stored_are_still_counted(string track, string settings, int stored)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Variables($"ANALYTICS_TRACK={track} {settings}"));
        await proxy.Client.GetStringAsync("/api/tags");
        await proxy.Client.GetStringAsync("/");
        await PostAsync(proxy, "/api/embed", new { model = "tiny-embed", input = "a" });
        await PostAsync(proxy, "/api/chat", new { model = "tiny", messages = Messages("hello") });

        await MetricsOfAsync(proxy, 4);
        await Eventually.TrueAsync(async () => await CountAsync(proxy) == stored);
    }

    [Fact]
    public async Task A_trusted_proxy_names_the_client_of_each_request_and_its_headers_reach_Ollama()
    {
        var recorded = new RecordedRequests();
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Variables("TRUSTED_PROXIES=127.0.0.0/8"), recorded.Register);
        foreach (var header in (string[])["203.0.113.7", "", "garbage", "198.51.100.1, 203.0.113.9:4711, 127.0.0.5"])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/api/tags");
            if (header.Length > 0)
            {
                request.Headers.TryAddWithoutValidation("X-Forwarded-For", header);
            }

            using var answer = await proxy.Client.SendAsync(request);
            answer.EnsureSuccessStatusCode();
        }

        await Eventually.TrueAsync(() => recorded.All.Count == 4);
        Assert.Equal(["203.0.113.7", "127.0.0.1", "127.0.0.1", "203.0.113.9"], recorded.All.Select(exchange => exchange.ClientAddress));
        Assert.Equal(
            ["203.0.113.7", null, "garbage", "198.51.100.1, 203.0.113.9:4711, 127.0.0.5"],
            ollama.Received.Where(request => request.Target == "/api/tags")
                .Select(request => request.Headers.FirstOrDefault(header => header.Key.Equals("X-Forwarded-For", StringComparison.OrdinalIgnoreCase)).Value));
    }

    [Fact]
    public async Task Without_trusted_proxies_forwarded_headers_are_ignored()
    {
        var recorded = new RecordedRequests();
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, configure: recorded.Register);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/tags");
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", "203.0.113.7");
        request.Headers.TryAddWithoutValidation("Forwarded", "for=203.0.113.7");

        using var answer = await proxy.Client.SendAsync(request);

        Assert.Equal("127.0.0.1", (await recorded.SingleAsync()).ClientAddress);
    }

    private static Dictionary<string, string> Variables(string settings) =>
        settings.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(setting => setting.Split('=', 2))
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.Ordinal);

    private static object[] Messages(string text) => [new { role = "system", content = text }, new { role = "user", content = text }];

    private static async Task PostAsync(ProxyUnderTest proxy, string path, object body, HttpStatusCode expected = HttpStatusCode.OK)
    {
        using var answer = await proxy.Client.PostAsync(path, new StringContent(JsonSerializer.Serialize(body), Encoding.UTF8, "application/json"));
        await answer.Content.ReadAsStringAsync();
        Assert.Equal(expected, answer.StatusCode);
    }

    /// <summary>The metrics page, once it has counted the given number of requests.</summary>
    private static Task<string> MetricsOfAsync(ProxyUnderTest proxy, int requests) =>
        Eventually.GetAsync(async () =>
        {
            var metrics = await proxy.Client.GetStringAsync("/metrics");
            var counted = metrics.Split('\n').Where(line => line.StartsWith("ollama_requests_total{", StringComparison.Ordinal))
                .Sum(line => int.Parse(line.Split(' ')[^1], null));
            return counted == requests ? metrics : null;
        });

    private static async Task<long> CountAsync(ProxyUnderTest proxy)
    {
        using var stats = JsonDocument.Parse(await proxy.Client.GetStringAsync("/analytics/stats"));
        return stats.RootElement.GetProperty("total_records").GetInt64();
    }

    /// <summary>True if any file in the folder contains the text, including the write-ahead log of the database.</summary>
    private static bool IsInFiles(string folder, string text) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(path => !path.EndsWith(".lock", StringComparison.Ordinal)).Any(path =>
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var bytes = new MemoryStream();
            file.CopyTo(bytes);
            return bytes.GetBuffer().AsSpan(0, (int)bytes.Length).IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
        });
}
