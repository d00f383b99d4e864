using System.Globalization;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>One generation gives the same numbers in every dialect.</summary>
public sealed class SameNumbersTests
{
    private const int Tokens = 12;
    private const double Speed = 50;

    private static readonly SimulatedModel s_model = new("Same:latest") { TokensPerSecond = Speed };

    public static TheoryData<string, string> Dialects => new()
    {
        { "/api/generate", """{"model":"Same","prompt":"Tell me a story.","system":"Be brief.","stream":STREAM,"options":{"num_predict":12}}""" },
        { "/api/chat",
            """{"model":"Same","messages":[{"role":"system","content":"Be brief."},"""
            + """{"role":"user","content":"Tell me a story."}],"stream":STREAM,"options":{"num_predict":12}}""" },
        { "/v1/chat/completions",
            """{"model":"Same","messages":[{"role":"system","content":"Be brief."},"""
            + """{"role":"user","content":[{"type":"text","text":"Tell me a story."}]}]"""
            + ""","stream":STREAM,"stream_options":{"include_usage":true},"max_tokens":12}""" },
        { "/v1/completions",
            """{"model":"Same","prompt":"Tell me a story.Be brief.","stream":STREAM,"stream_options":{"include_usage":true},"max_tokens":12}""" },
        { "/v1/responses", """{"model":"Same","instructions":"Be brief.","input":"Tell me a story.","stream":STREAM,"max_output_tokens":12}""" },
        { "/v1/messages",
            """{"model":"Same","system":[{"type":"text","text":"Be brief."}]"""
            + ""","messages":[{"role":"user","content":"Tell me a story."}],"stream":STREAM,"max_tokens":12}""" },
    };

    /// <summary>Each dialect with the key <c>stream</c> and without it. Without it, Ollama's own API streams and the others do not.</summary>
    public static TheoryData<string, string, bool?> DialectsAndStream =>
    [
        .. from dialect in Dialects
           from isStream in (bool?[])[true, false, null]
           select new TheoryDataRow<string, string, bool?>(dialect.Data.Item1, dialect.Data.Item2, isStream),
    ];

    [Theory]
    [MemberData(nameof(DialectsAndStream))]
    public async Task A_generation_has_the_same_numbers_in_its_record_the_statistics_and_the_metrics(string path, string body, bool? asked)
    {
        var isStream = asked ?? path.StartsWith("/api/", StringComparison.Ordinal);
        string[] keys = asked is null ? ["\"stream\":STREAM,", "\"stream_options\":{\"include_usage\":true},"] : [];
        var asks = keys.Aggregate(body, (text, key) => text.Replace(key, "", StringComparison.Ordinal));
        var seen = new Seen();

        await RunAsync(path, asks, isStream, seen: seen);

        var record = seen.Record;
        Assert.Equal(("completed", isStream), (Text(record, "outcome"), record.GetProperty("stream").GetBoolean()));
        Assert.Equal(("same:latest", "Same:latest"), (Text(record, "model"), Text(record, "model_name")));
        Assert.Equal((26, Tokens), (record.GetProperty("input_tokens").GetInt32(), record.GetProperty("output_tokens").GetInt32()));
        var total = seen.Statistics.GetProperty("total");
        Assert.Equal(
            (1, 26, Tokens),
            (total.GetProperty("success").GetInt32(), total.GetProperty("input_tokens").GetInt32(), total.GetProperty("output_tokens").GetInt32()));
        Assert.Equal("Same:latest", Text(seen.Statistics.GetProperty("models")[0], "name"));
        Assert.Equal(
            (1, 26, Tokens),
            (seen.Metric("ollama_requests_total"), seen.Metric("ollama_prompt_tokens_total"), seen.Metric("ollama_generated_tokens_total")));
        Assert.Equal(1, Seen.Sum(seen.Metrics, "ollama_requests_total{", "status=\"success\""));
        Assert.Equal(1, Seen.Sum(seen.Metrics, "ollama_requests_total{", "model=\"Same:latest\""));

        // Ollama reports the speed of each response of its own API; in other dialects only a stream shows it.
        var isExact = path.StartsWith("/api/", StringComparison.Ordinal);
        Assert.Equal(!isExact && isStream, record.GetProperty("tokens_per_second_estimated").GetBoolean());
        seen.AssertOne("tokens_per_second", "ollama_tokens_per_second", isExact || isStream ? Speed : null, tolerance: isExact ? 0.01 : 0.05);
        seen.AssertOne("time_to_first_token", "ollama_time_to_first_token_seconds", isStream ? 0.046 : null, tolerance: 0.11);
    }

    [Theory]
    [InlineData("OPTIONS")]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("PUT")]
    public async Task A_request_with_another_method_is_no_inference(string method)
    {
        await using var both = await ProxyBeforeSimulatedOllama.StartAsync(("ANALYTICS_BACKEND", "sqlite"));
        foreach (var path in (string[])["/api/chat", "/v1/chat/completions", "/v1/messages"])
        {
            using var request = new HttpRequestMessage(new HttpMethod(method), path);
            using var response = await both.Proxy.Client.SendAsync(request, TestContext.Current.CancellationToken);
        }

        await Eventually.TrueAsync(async () => (await both.Proxy.GetAsync("/analytics/search")).GetProperty("count").GetInt32() == 3);

        Assert.Equal(0, (await both.Proxy.GetAsync("/analytics/search?inference=true")).GetProperty("count").GetInt32());
        Assert.Equal(0, (await both.Proxy.GetAsync("/analytics/stats/enhanced")).GetProperty("total_requests").GetInt32());
        var metrics = await both.Proxy.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.DoesNotContain("ollama_request_phase_seconds_count{", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_model_is_spelled_as_ollama_lists_it_and_found_in_any_spelling()
    {
        const string Listed = "hf.co/a/B-GGUF:Q4_K_M";
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = [new SimulatedModel(Listed)] });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, new Dictionary<string, string> { ["OLLAMA_POLL_SECONDS"] = "1" });
        await Eventually.TrueAsync(async () => (await proxy.GetAsync("/analytics/ollama")).GetProperty("installed_models").ValueKind == JsonValueKind.Number);
        foreach (var spelling in (string[])["HF.CO/a/b-gguf:q4_k_m", Listed])
        {
            using var content = new StringContent($$$"""{"model":"{{{spelling}}}","prompt":"Hello","options":{"num_predict":3}}""", Encoding.UTF8,
                "application/json");
            using var response = await proxy.Client.PostAsync("/api/generate", content, TestContext.Current.CancellationToken);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        var search = "/analytics/search?model=" + Uri.EscapeDataString("https://HF.co/A/B-gguf:Q4_k_M");
        await Eventually.TrueAsync(async () => (await proxy.GetAsync(search)).GetProperty("count").GetInt32() == 2);

        var records = (await proxy.GetAsync("/analytics/messages")).EnumerateArray();
        Assert.All(records, record => Assert.Equal((Listed.ToLowerInvariant(), Listed), (Text(record, "model"), Text(record, "model_name"))));
        var stats = await proxy.GetAsync("/analytics/stats?step=1h&split=model");
        Assert.Equal(Listed, Text(stats.GetProperty("models")[0], "name"));
        Assert.Equal(Listed, Text(stats.GetProperty("series")[0].GetProperty("parts")[0], "name"));
        Assert.Equal([Listed], (await proxy.GetAsync("/analytics/models")).EnumerateArray().Select(model => model.GetString()));
        Assert.Equal(Listed, Text((await proxy.GetAsync("/analytics/stats/enhanced")).GetProperty("top_models")[0], "model"));
        await Eventually.TrueAsync(async () =>
            (await proxy.GetAsync("/analytics/ollama")).GetProperty("models").EnumerateArray().Any(model => Text(model, "name") == Listed));
        var metrics = await proxy.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal(2, Seen.Sum(metrics, "ollama_requests_total{", $"model=\"{Listed}\""));
        Assert.DoesNotContain("b-gguf", metrics, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task A_stream_has_the_same_numbers_in_every_dialect(string path, string body)
    {
        var exchange = await RunAsync(path, body, isStream: true);

        AssertNumbers(exchange);
        // 20 template tokens and 25 characters make 26 prompt tokens, read at twenty times the speed; then one token is generated.
        Assert.InRange(exchange.Response.TimeToFirstToken!.Value.TotalMilliseconds, 46 - 5, 46 + 5);
        Assert.InRange(exchange.Response.MeanGap!.Value.TotalMilliseconds, 20 - 0.5, 20 + 0.5);
    }

    [Theory]
    [MemberData(nameof(Dialects))]
    public async Task An_unstreamed_response_has_the_same_numbers_in_every_dialect(string path, string body)
    {
        var exchange = await RunAsync(path, body, isStream: false);

        AssertNumbers(exchange);
        Assert.Null(exchange.Response.TimeToFirstToken);
    }

    [Theory]
    [InlineData("/v1/chat/completions",
        """{"model":"Same","messages":[{"role":"user","content":"Tell me a story.Be brief."}],"stream":true,"max_tokens":12}""")]
    [InlineData("/v1/completions", """{"model":"Same","prompt":"Tell me a story.Be brief.","stream":true,"max_tokens":12}""")]
    public async Task A_stream_without_usage_is_counted_by_its_chunks_or_by_injected_usage(string path, string body)
    {
        var counted = await RunAsync(path, body, isStream: true);
        var injected = await RunAsync(path, body, isStream: true, new Dictionary<string, string> { ["PROXY_INJECT_USAGE"] = "true" });

        Assert.Equal((Tokens, true, (int?)null),
            (counted.Response.Usage.CompletionTokens, counted.Response.Usage.Estimated, counted.Response.Usage.PromptTokens));
        AssertNumbers(injected);
    }

    private static void AssertNumbers(Exchange exchange)
    {
        var usage = exchange.Response.Usage;
        Assert.Equal(
            (ExchangeOutcome.Completed, "same:latest", 26, Tokens, false, true),
            (exchange.Outcome, ModelName.Normalize(exchange.Request.Model), usage.PromptTokens, usage.CompletionTokens, usage.Estimated,
                exchange.Response.IsInference));
    }

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    private static async Task<Exchange> RunAsync(string path, string body, bool isStream, Dictionary<string, string>? variables = null, Seen? seen = null)
    {
        var clock = new SteppingClock();
        var recorded = new RecordedRequests();
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = [s_model], Time = clock });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, variables, builder =>
        {
            builder.Services.AddSingleton(clock.Unstepped);
            recorded.Register(builder);
        });

        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body.Replace("STREAM", isStream ? "true" : "false", StringComparison.Ordinal), Encoding.UTF8, "application/json"),
        };
        var answering = proxy.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        // One step for the prompt, then one for each token. The client must have each token before the clock moves on.
        await clock.StepAsync(TestContext.Current.CancellationToken);
        Stream? pieces = null;
        var buffer = new byte[16 * 1024];
        for (var token = 0; token < Tokens; token++)
        {
            await clock.StepAsync(TestContext.Current.CancellationToken);
            if (isStream)
            {
                pieces ??= await (await answering).Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
                await ReadTokenAsync(pieces, buffer, path);
            }
        }

        pieces ??= await (await answering).Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        await pieces.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
        var exchange = await recorded.SingleAsync();
        await (seen?.LookAsync(proxy, clock) ?? Task.CompletedTask);
        return exchange;
    }

    /// <summary>Reads until the next token; some dialects send other events before the first one.</summary>
    private static async Task ReadTokenAsync(Stream pieces, byte[] buffer, string path)
    {
        var mark = path switch
        {
            "/api/generate" => "\"response\":\"",
            "/v1/completions" => "\"text\":\"",
            "/v1/responses" => "response.output_text.delta",
            "/v1/messages" => "text_delta",
            _ => "\"content\":\"",
        };
        int length;
        do
        {
            length = await pieces.ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.NotEqual(0, length);
        }
        while (!Encoding.UTF8.GetString(buffer, 0, length).Contains(mark, StringComparison.Ordinal));
    }

    /// <summary>The numbers of the only request in the record, the statistics and the metrics.</summary>
    private sealed class Seen
    {
        public JsonElement Record { get; private set; }

        public JsonElement Statistics { get; private set; }

        public string Metrics { get; private set; } = "";

        public async Task LookAsync(ProxyUnderTest proxy, SteppingClock clock)
        {
            await Eventually.TrueAsync(async () =>
            {
                // The store batches records by the same clock.
                clock.Advance(TimeSpan.FromSeconds(1));
                return (await proxy.GetAsync("/analytics/search")).GetProperty("count").GetInt32() == 1;
            });
            Record = (await proxy.GetAsync("/analytics/search")).GetProperty("results")[0];
            Statistics = await proxy.GetAsync("/analytics/stats?inference=true");
            Metrics = await proxy.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        }

        public double Metric(string name) => Sum(Metrics, name + "{");

        /// <summary>The values of all series with the label.</summary>
        public static double Sum(string metrics, string beginning, string label = "") => metrics.Split('\n')
            .Where(line => line.StartsWith(beginning, StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
            .Sum(line => double.Parse(line[(line.LastIndexOf('}') + 1)..], CultureInfo.InvariantCulture));

        /// <summary>Asserts that the record, the statistics and the metrics have the same value near the expected one, or that none has a value.</summary>
        public void AssertOne(string key, string metric, double? expected, double tolerance)
        {
            var distribution = Statistics.GetProperty("total").GetProperty(key);
            var count = expected is null ? 0 : 1;
            Assert.Equal((count, count), (distribution.GetProperty("count").GetInt32(), Metric(metric + "_count")));
            Assert.Equal(expected is null, Record.GetProperty(key).ValueKind == JsonValueKind.Null);
            if (expected is { } value)
            {
                var recorded = Record.GetProperty(key).GetDouble();
                Assert.InRange(recorded, value * (1 - tolerance), value * (1 + tolerance));
                Assert.Equal(recorded, distribution.GetProperty("mean").GetDouble(), 5);
                Assert.Equal(recorded, Metric(metric + "_sum"), 5);
            }
        }
    }
}
