using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The metrics page of the real endpoint, as a Prometheus server gets it.</summary>
public sealed partial class MetricsEndpointTests
{
    private static readonly Uri s_nobody = new("http://127.0.0.1:9");

    [Fact]
    public async Task The_five_metrics_of_the_original_have_its_names_labels_and_buckets()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, ProxyUnderTest.NoStore);

        await RecordAsync(proxy, [Finished("phi4", "explain this", tokens: 60, seconds: 2)]);
        var text = await proxy.Client.GetStringAsync("/metrics");

        Assert.Contains("""ollama_requests_total{endpoint="chat",model="phi4:latest",prompt_category="explain",status="success"} 1""" + "\n", text,
            StringComparison.Ordinal);
        Assert.Contains("# TYPE ollama_requests_total counter", text, StringComparison.Ordinal);
        Assert.Contains("# TYPE ollama_active_requests gauge", text, StringComparison.Ordinal);
        Assert.Matches(@"(?m)^ollama_active_requests(\{\})? 0$", text);
        AssertBuckets(text, "ollama_request_duration_seconds", "endpoint,model,prompt_category", [0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300]);
        AssertBuckets(text, "ollama_tokens_generated", "model,prompt_category", [10, 50, 100, 250, 500, 1000, 2000, 5000]);
        AssertBuckets(text, "ollama_tokens_per_second", "model,prompt_category", [1, 5, 10, 20, 30, 50, 75, 100, 150, 200]);
        Assert.Contains("""ollama_tokens_per_second_sum{model="phi4:latest",prompt_category="explain"} 30""" + "\n", text, StringComparison.Ordinal);
        Assert.Contains("""ollama_tokens_generated_sum{model="phi4:latest",prompt_category="explain"} 60""" + "\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_proxy_in_the_process_is_not_counted_and_its_end_removes_no_series()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, ProxyUnderTest.NoStore);
        await RecordAsync(proxy, [Finished("mine", "a", tokens: 1, seconds: 1)]);

        await using (var other = await ProxyUnderTest.StartAsync(s_nobody, ProxyUnderTest.NoStore))
        {
            await RecordAsync(other, [Finished("theirs", "a", tokens: 1, seconds: 1)]);
        }

        var text = await proxy.Client.GetStringAsync("/metrics");
        Assert.Contains("mine:latest", text, StringComparison.Ordinal);
        Assert.DoesNotContain("theirs", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_thousand_model_names_and_prompts_give_a_page_of_bounded_size()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["METRICS_MAX_MODELS"] = "20" });
        var exchanges = Enumerable.Range(0, 10_000).Select(number => Finished($"model-{number}", $"word{number} and more", tokens: 5, seconds: 1)).ToArray();

        await RecordAsync(proxy, exchanges);
        var text = await proxy.Client.GetStringAsync("/metrics");

        var models = ModelLabel().Matches(text).Select(match => match.Groups[1].Value).Distinct().ToArray();
        Assert.Equal(21, models.Length);
        Assert.Contains("other", models);
        Assert.Contains("""ollama_requests_total{endpoint="chat",model="other",prompt_category="other",status="success"} 9980""" + "\n", text,
            StringComparison.Ordinal);
        Assert.DoesNotContain("word1", text, StringComparison.Ordinal);
        Assert.DoesNotContain("otel_metric_overflow", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ten_thousand_models_clients_paths_and_prompts_add_no_series_after_every_label_exists()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["METRICS_MAX_MODELS"] = "5" });
        var random = new Random(1);
        await RecordAsync(proxy, Random(5_000));
        var before = SeriesIn(await proxy.Client.GetStringAsync("/metrics"));

        await RecordAsync(proxy, Random(5_000), already: 5_000);
        var page = await proxy.Client.GetStringAsync("/metrics");

        Assert.Equal(before, SeriesIn(page));
        Assert.DoesNotContain("otel_metric_overflow", page, StringComparison.Ordinal);
        Assert.DoesNotContain("198.51.", page, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", page, StringComparison.Ordinal);

        Exchange[] Random(int count) =>
        [
            .. Enumerable.Range(0, count).Select(number =>
            {
                var path = $"/secret/{random.Next()}";
                return Finished($"model-{(number < 5 ? number : random.Next())}", $"secret{random.Next()}", tokens: 5, seconds: 1) with
                {
                    Endpoint = number % 2 == 0 ? ApiEndpoint.Chat : ApiEndpoint.FromPath(path),
                    Target = path,
                    ClientAddress = $"198.51.{random.Next(256)}.{random.Next(256)}",
                    UserAgent = $"secret/{random.Next()}",
                    // The second load of a model may have another cause, which adds a series of a closed set.
                    Response = new ResponseFacts { Terminated = true, Usage = new TokenUsage { CompletionTokens = 5, EvalDuration = TimeSpan.FromSeconds(1) } },
                };
            }),
        ];

        static string[] SeriesIn(string page) =>
            [.. page.Split('\n').Where(line => line.StartsWith("ollama_", StringComparison.Ordinal)).Select(line => line[..line.LastIndexOf(' ')]).Order(
                StringComparer.Ordinal)];
    }

    [Fact]
    public async Task Every_model_within_the_limit_has_its_own_series_on_every_inference_endpoint()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, ProxyUnderTest.NoStore);
        var endpoints = ApiEndpoint.All.Where(endpoint => endpoint.IsInference).ToArray();
        var exchanges =
            from model in Enumerable.Range(0, 100)
            from endpoint in endpoints
            from prompt in (string[])["explain", "translate", "write code", "list", "how", "zebra"]
            select Finished($"model-{model}", prompt, tokens: 5, seconds: 1) with { Endpoint = endpoint };

        await RecordAsync(proxy, [.. exchanges]);
        var text = await proxy.Client.GetStringAsync("/metrics");

        Assert.DoesNotContain("otel_metric_overflow", text, StringComparison.Ordinal);
        Assert.Equal(100 * endpoints.Length * 6, SuccessSeries().Count(text));
    }

    [Fact]
    public async Task A_client_that_disconnected_is_counted_as_cancelled_and_unknown_tokens_are_not_counted()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, ProxyUnderTest.NoStore);

        await RecordAsync(proxy,
            [Finished("phi4", "help", tokens: 1, seconds: 1) with { Outcome = ExchangeOutcome.ClientCancelled, Response = ResponseFacts.Unknown }]);
        var text = await proxy.Client.GetStringAsync("/metrics");

        Assert.Contains("model=\"phi4:latest\",prompt_category=\"help\",status=\"cancelled\"} 1\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("ollama_tokens_generated_count", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_proxy_in_the_same_process_is_not_on_the_page()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, ProxyUnderTest.NoStore);
        await using var other = await ProxyUnderTest.StartAsync(s_nobody, ProxyUnderTest.NoStore);

        await RecordAsync(other, [Finished("phi4", "help", tokens: 1, seconds: 1)]);

        Assert.Equal(0, RequestsIn(await proxy.Client.GetStringAsync("/metrics")));
    }

    private static Exchange Finished(string model, string prompt, int tokens, double seconds) => new()
    {
        Id = Guid.CreateVersion7().ToString("N"),
        StartedAt = DateTimeOffset.UnixEpoch,
        Duration = TimeSpan.FromSeconds(seconds),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        StatusCode = 200,
        Outcome = ExchangeOutcome.Completed,
        Request = new RequestFacts { Model = model, Prompt = prompt },
        Response = new ResponseFacts { Terminated = true,
            Usage = new TokenUsage { CompletionTokens = tokens, EvalDuration = TimeSpan.FromSeconds(seconds), LoadDuration = TimeSpan.FromSeconds(1) } },
    };

    /// <summary>Sends exchanges to the real worker, at most a queue's capacity at a time, and waits until all are counted.</summary>
    private static async Task RecordAsync(ProxyUnderTest proxy, Exchange[] exchanges, int already = 0)
    {
        var queue = proxy.Services.GetRequiredService<ExchangeQueue>();
        var counted = already;
        foreach (var part in exchanges.Chunk(5_000))
        {
            foreach (var exchange in part)
            {
                Assert.True(queue.TryEnqueue(exchange));
            }

            counted += part.Length;
            await Eventually.TrueAsync(async () => RequestsIn(await proxy.Client.GetStringAsync("/metrics")) == counted);
        }
    }

    private static double RequestsIn(string text) =>
        RequestSeries().Matches(text).Sum(match => double.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture));

    private static void AssertBuckets(string text, string name, string labels, double[] expected)
    {
        var series = Regex.Matches(text, $$"""(?m)^{{name}}_bucket\{(.+),le="([0-9.+Inf]+)"\} """);
        Assert.NotEmpty(series);
        Assert.All(series,
            match =>
            Assert.Equal(labels,
                string.Join(',', LabelName().Matches(match.Groups[1].Value).Select(label => label.Groups[1].Value).Order(StringComparer.Ordinal))));
        var buckets = series.Select(match => match.Groups[2].Value).Where(bucket => bucket != "+Inf").Select(
            bucket => double.Parse(bucket, System.Globalization.CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(expected, buckets[..expected.Length]);
        Assert.All(buckets[expected.Length..], bucket => Assert.True(bucket > expected[^1]));
    }

    [GeneratedRegex(@"model=""([^""]*)""")]
    private static partial Regex ModelLabel();

    [GeneratedRegex(@"(\w+)=""[^""]*""")]
    private static partial Regex LabelName();

    [GeneratedRegex(@"(?m)^ollama_requests_total\{[^}]*\} (\d+)")]
    private static partial Regex RequestSeries();

    [GeneratedRegex(@"(?m)^ollama_requests_total\{[^}]*status=""success""\} ")]
    private static partial Regex SuccessSeries();
}
