using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Domain;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Proxy;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// The queue as clients, metrics and records see it: the real program in front of a simulated Ollama whose first inference runs until it is cancelled.
/// </summary>
public sealed class GateTests
{
    private const string Prompt = """{"model":"slow","prompt":"a","stream":false}""";

    private readonly RecordedRequests _recorded = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);

    [Theory]
    [InlineData("/api/chat", """^\{"error":"ollama-proxy: (?<text>.+)"\}$""")]
    [InlineData("/v1/chat/completions", """^\{"error":\{"message":"ollama-proxy: (?<text>.+)","type":"api_error","param":null,"code":null\}\}$""")]
    [InlineData("/v1/messages",
        """^\{"type":"error","error":\{"type":"overloaded_error","message":"ollama-proxy: (?<text>.+)"\},"request_id":"req_[0-9a-f]+"\}$""")]
    public async Task A_full_queue_gives_503_in_the_format_of_the_dialect_and_nothing_reaches_ollama(string path, string shape)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 0);
        using var busy = await HoldAsync(ollama, proxy);

        var waiting = proxy.Client.PostAsync(path, new StringContent(Prompt));
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(ConcurrencyGate.HandOver);
            return waiting.IsCompleted;
        });
        using var answer = await waiting;
        var body = await answer.Content.ReadAsStringAsync();
        var exchange = await _recorded.SingleAsync();

        Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
        Assert.Equal(("1", "1000"), (answer.Headers.RetryAfter?.ToString(), answer.Headers.GetValues("retry-after-ms").Single()));
        const string Why = "1 request is running (MAX_CONCURRENT_REQUESTS) and 0 requests are queued (MAX_QUEUED_REQUESTS)";
        Assert.Equal($"{Why}. Try again in 1 s.", Regex.Match(body, shape).Groups["text"].Value);
        Assert.Equal((ExchangeOutcome.Rejected, 503, Why), (exchange.Outcome, exchange.StatusCode, exchange.Error));
        Assert.InRange(exchange.QueueTime!.Value, ConcurrencyGate.HandOver, exchange.Duration);
        Assert.Single(ollama.Received);
        Assert.Equal(1, await MetricAsync(proxy, $$"""ollama_rejected_total{endpoint="{{exchange.Endpoint}}",reason="queue_full"}"""));
    }

    [Theory]
    [InlineData("/api/generate", """{"model":"tiny","prompt":"a","stream":false}""", "\r\n\r\n{")]
    [InlineData("/api/generate", """{"model":"tiny","prompt":"a"}""", "\r\n0\r\n\r\n")]
    [InlineData("/api/generate", """{"model":"tiny","prompt":"a"}""", "\"done\":true")]
    [InlineData("/api/generate", """{"model":"none","prompt":"a"}""", "\r\n\r\n{")]
    [InlineData("/v1/chat/completions", """{"model":"tiny","messages":[{"role":"user","content":"a"}],"stream":true}""", "[DONE]")]
    [InlineData("/v1/chat/completions", """{"model":"tiny","messages":[{"role":"user","content":"a"}],"stream":true}""", "HTTP/1.1 200")]
    public async Task A_client_that_sends_sequential_requests_is_never_rejected(string path, string body, string last)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 0, withClock: false);

        for (var count = 0; count < 50; count++)
        {
            // Each request has its own connection: on a shared one, the server itself would wait for the end of the last request.
            using var client = new TcpClient("127.0.0.1", proxy.Port);
            var request = $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {body.Length}\r\n\r\n{body}";
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(request));
            var answer = new StringBuilder();
            var bytes = new byte[64 * 1024];
            while (!answer.ToString().Contains(last, StringComparison.Ordinal))
            {
                var read = await client.GetStream().ReadAsync(bytes).AsTask().WaitAsync(Patience.Limit);
                Assert.True(read > 0, answer.ToString());
                answer.Append(Encoding.ASCII.GetString(bytes, 0, read));
                Assert.DoesNotContain("HTTP/1.1 503", answer.ToString(), StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("GET", "/api/tags")]
    [InlineData("GET", "/api/ps")]
    [InlineData("POST", "/api/show")]
    [InlineData("GET", "/v1/models")]
    [InlineData("GET", "/api/generate")]
    [InlineData("OPTIONS", "/api/generate")]
    public async Task A_request_that_runs_no_model_never_waits(string method, string path)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 0);
        using var busy = await HoldAsync(ollama, proxy);

        using var request = new HttpRequestMessage(new HttpMethod(method),
            path) { Content = method == "POST" ? new StringContent("""{"model":"slow"}""") : null };
        using var answer = await proxy.Client.SendAsync(request);

        Assert.NotEqual(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Null((await _recorded.SingleAsync()).QueueTime);
    }

    [Fact]
    public async Task A_queued_client_that_disconnects_frees_its_place_and_its_request_never_reaches_ollama()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 1);
        using var busy = await HoldAsync(ollama, proxy);
        using var leaves = new CancellationTokenSource();
        var waiting = proxy.Client.PostAsync("/api/chat", new StringContent(Prompt), leaves.Token);
        await Eventually.TrueAsync(async () => await MetricAsync(proxy, """ollama_queue_depth{endpoint="chat"}""") == 1);

        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        var left = await _recorded.SingleAsync();
        Assert.Equal((ExchangeOutcome.ClientCancelled, null, ApiEndpoint.Chat), (left.Outcome, left.StatusCode, left.Endpoint));
        Assert.Equal(left.Duration, left.QueueTime);
        Assert.Equal(0, await MetricAsync(proxy, """ollama_queue_depth{endpoint="chat"}"""));

        var next = proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await Eventually.TrueAsync(async () => await MetricAsync(proxy, """ollama_queue_depth{endpoint="generate"}""") == 1);
        await busy.CancelAsync();
        using var answer = await next;

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal(2, ollama.Received.Count);
    }

    [Fact]
    public async Task A_wait_longer_than_the_queue_timeout_ends_with_503()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 10, timeoutSeconds: 30);
        using var busy = await HoldAsync(ollama, proxy);

        var waiting = proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await AdvanceUntilAsync(proxy, () => waiting.IsCompleted);
        using var answer = await waiting;
        var exchange = await _recorded.SingleAsync();

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Equal((ExchangeOutcome.Rejected, 503, "no slot became free within 30 s (QUEUE_TIMEOUT_SECONDS)"),
            (exchange.Outcome, exchange.StatusCode, exchange.Error));
        Assert.InRange(exchange.QueueTime!.Value, TimeSpan.FromSeconds(30), exchange.Duration);
        Assert.Equal(1, await MetricAsync(proxy, """ollama_rejected_total{endpoint="generate",reason="queue_timeout"}"""));
    }

    [Fact]
    public async Task The_queue_wait_is_measured_and_recorded_and_part_of_the_duration()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 10);
        using var busy = await HoldAsync(ollama, proxy);

        var waiting = proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await Eventually.TrueAsync(async () => await MetricAsync(proxy, """ollama_queue_depth{endpoint="generate"}""") == 1);
        Assert.Equal((1, 1),
            (await MetricAsync(proxy, "ollama_active_requests"), await MetricAsync(proxy, """ollama_endpoint_active_requests{endpoint="generate"}""")));
        Assert.Equal((1, 1, 1), await PickedByAsync(proxy));
        _time.Advance(TimeSpan.FromSeconds(7));
        await busy.CancelAsync();
        using var answer = await waiting;
        await Eventually.TrueAsync(() => _recorded.All.Count == 2);

        var exchange = _recorded.All.Single(exchange => exchange.Outcome == ExchangeOutcome.Completed);
        Assert.Equal((TimeSpan.FromSeconds(7), TimeSpan.FromSeconds(7)), (exchange.QueueTime, exchange.Duration));
        Assert.Equal(TimeSpan.Zero, _recorded.All.Single(other => other != exchange).QueueTime);
        Assert.Equal(1, await MetricAsync(proxy, """ollama_queue_wait_seconds_bucket{endpoint="generate",le="5"}"""));
        Assert.Equal(2, await MetricAsync(proxy, """ollama_queue_wait_seconds_bucket{endpoint="generate",le="10"}"""));
        Assert.Equal(7, await MetricAsync(proxy, """ollama_queue_wait_seconds_sum{endpoint="generate"}"""));
        Assert.Equal((0, 0),
            (await MetricAsync(proxy, "ollama_active_requests"), await MetricAsync(proxy, """ollama_endpoint_active_requests{endpoint="generate"}""")));
        Assert.Equal((0, 0, 0), await PickedByAsync(proxy));
    }

    [Fact]
    public async Task Every_inference_endpoint_is_in_the_first_scrape()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 10);

        var text = await proxy.Client.GetStringAsync("/metrics");

        Assert.All(ApiEndpoint.All, endpoint =>
        {
            var expected = endpoint.IsInference ? 0 : (double?)null;
            Assert.Equal(expected, Value(text, $$"""ollama_endpoint_active_requests{endpoint="{{endpoint}}"}"""));
            Assert.Equal(expected, Value(text, $$"""ollama_queue_depth{endpoint="{{endpoint}}"}"""));
            Assert.Equal(expected, Value(text, $$"""ollama_rejected_total{endpoint="{{endpoint}}",reason="queue_full"}"""));
            Assert.Equal(expected, Value(text, $$"""ollama_rejected_total{endpoint="{{endpoint}}",reason="queue_timeout"}"""));
        });
    }

    [Fact]
    public async Task At_a_stop_queued_requests_are_still_served_within_the_grace_period()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 10);
        using var busy = await HoldAsync(ollama, proxy);
        var waiting = proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await Eventually.TrueAsync(async () => await MetricAsync(proxy, """ollama_queue_depth{endpoint="generate"}""") == 1);

        var stop = proxy.App.StopAsync();
        await busy.CancelAsync();
        using var answer = await waiting;
        await stop;

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal([ExchangeOutcome.Completed, ExchangeOutcome.ClientCancelled], _recorded.All.Select(exchange => exchange.Outcome).Order());
    }

    [Fact]
    public async Task A_request_queued_past_the_grace_period_gets_503_and_is_recorded_as_stopped()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, queue: 10, graceSeconds: 0);
        using var busy = await HoldAsync(ollama, proxy);
        var waiting = proxy.Client.PostAsync("/api/chat", new StringContent(Prompt));
        await Eventually.TrueAsync(async () => await MetricAsync(proxy, """ollama_queue_depth{endpoint="chat"}""") == 1);

        var stop = proxy.App.StopAsync();
        using var answer = await waiting;
        _time.Advance(TimeSpan.FromSeconds(1));
        await stop;

        // The request never reached Ollama, so the client may retry it.
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter);
        Assert.Contains("is stopping", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var exchange = _recorded.All.Single(exchange => exchange.Endpoint == ApiEndpoint.Chat);
        Assert.Equal((ExchangeOutcome.ProxyStopped, (int?)503), (exchange.Outcome, exchange.StatusCode));
        Assert.NotNull(exchange.QueueTime);
        Assert.Single(ollama.Received);
    }

    /// <summary>Takes the only slot with an inference that runs until its request is cancelled.</summary>
    private static async Task<CancellationTokenSource> HoldAsync(SimulatedOllamaServer ollama, ProxyUnderTest proxy)
    {
        var leaves = new CancellationTokenSource();
        ollama.Faults.Next(Fault.Hang);
        _ = proxy.Client.PostAsync("/api/generate", new StringContent(Prompt), leaves.Token);
        await Eventually.TrueAsync(() => ollama.Received is [{ BodySha256: not null }]);
        return leaves;
    }

    private async Task AdvanceUntilAsync(ProxyUnderTest proxy, Func<bool> condition)
    {
        await Eventually.TrueAsync(async () => await MetricAsync(proxy, """ollama_queue_depth{endpoint="generate"}""") == 1);
        await Eventually.TrueAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(1));
            return condition();
        });
    }

    /// <summary>What the endpoint picker of an InferencePool reads, each the only series of its name: queued, running, share of the slots.</summary>
    private static async Task<(double? Queued, double? Running, double? Share)> PickedByAsync(ProxyUnderTest proxy)
    {
        var text = await proxy.Client.GetStringAsync("/metrics");
        Assert.Equal(3, Regex.Count(text, "(?m)^(ollama_inferences_queued|ollama_inferences_running|ollama_slots_used_ratio)[ {]"));
        return (Value(text, "ollama_inferences_queued"), Value(text, "ollama_inferences_running"), Value(text, "ollama_slots_used_ratio"));
    }

    private static async Task<double?> MetricAsync(ProxyUnderTest proxy, string series) => Value(await proxy.Client.GetStringAsync("/metrics"), series);

    private static double? Value(string text, string series)
    {
        var line = Array.Find(text.Split('\n'), line => line.StartsWith(series, StringComparison.Ordinal));
        return line is null ? null : double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture);
    }

    private Task<ProxyUnderTest> StartAsync(SimulatedOllamaServer ollama, int queue, int timeoutSeconds = 0, int graceSeconds = 30, bool withClock = true) =>
        ProxyUnderTest.StartAsync(
        ollama.Address,
        new Dictionary<string, string>
        {
            ["ANALYTICS_BACKEND"] = "none",
            ["MAX_CONCURRENT_REQUESTS"] = "1",
            ["MAX_QUEUED_REQUESTS"] = $"{queue}",
            ["QUEUE_TIMEOUT_SECONDS"] = $"{timeoutSeconds}",
            ["SHUTDOWN_GRACE_SECONDS"] = $"{graceSeconds}",
        },
        builder =>
        {
            _recorded.Register(builder);
            if (withClock)
            {
                builder.Services.AddSingleton<TimeProvider>(_time);
            }
        });
}
