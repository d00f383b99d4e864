using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Otlp;

/// <summary>The spans and metrics that an OTLP receiver gets: names, units, attributes and times follow the conventions for generative AI.</summary>
public sealed class OtlpTests
{
    private const string TraceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string CallersSpan = "00f067aa0ba902b7";
    private const string Chat =
        """{"model":"tiny","messages":[{"role":"system","content":"Be kind"},{"role":"user","content":"Write to a@b.example"}]"""
        + ""","options":{"temperature":0.5,"num_predict":400,"num_ctx":4096}}""";

    private static readonly SimulatedOllamaOptions s_options = new()
    {
        Models = [.. SimulatedModel.Small.Select(model => model with { LoadTime = TimeSpan.FromMilliseconds(600), TokensPerSecond = 400 })],
        TellsCachedTokens = true,
    };

    [Theory]
    [InlineData("grpc")]
    [InlineData("http/protobuf")]
    public async Task A_span_and_the_metrics_of_an_inference_arrive(string protocol)
    {
        await using var world = await World.StartAsync(protocol, ("OTEL_SERVICE_NAME", "the-proxy"));
        var address = world.Ollama.Address;

        await world.AskAsync("/api/chat", Chat, $"00-{TraceId}-{CallersSpan}-01");
        await Eventually.TrueAsync(() => world.Receiver.Spans.Any(span => span.Kind == 3));

        var span = Assert.Single(world.Receiver.Spans, span => span.Kind == 3);
        Assert.Equal(("chat tiny:latest", TraceId, CallersSpan, 0), (span.Name, Hex(span.TraceId), Hex(span.ParentSpanId), span.Status?.Code ?? 0));
        var attributes = Texts(span.Attributes);
        Assert.Equal(
            [
                "client.address", "gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.max_tokens", "gen_ai.request.model",
                "gen_ai.request.temperature",
                "gen_ai.response.finish_reasons", "gen_ai.response.model", "gen_ai.response.time_to_first_chunk", "gen_ai.usage.cache_read.input_tokens",
                "gen_ai.usage.input_tokens",
                "gen_ai.usage.output_tokens", "http.request.method", "http.response.status_code", "ollama.client_backpressure", "ollama.load_cause",
                "ollama.load_duration", "ollama.num_ctx",
                "ollama.queue_wait", "ollama.request_id", "ollama.slot_wait", "server.address", "server.port", "url.path",
            ],
            attributes.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(("chat", "ollama", "tiny:latest", "tiny", "[stop]"),
            (attributes["gen_ai.operation.name"], attributes["gen_ai.provider.name"], attributes["gen_ai.request.model"], attributes["gen_ai.response.model"],
            attributes["gen_ai.response.finish_reasons"]));
        Assert.Equal(("400", "0.5", "cold", "4096"),
            (attributes["gen_ai.request.max_tokens"], attributes["gen_ai.request.temperature"], attributes["ollama.load_cause"], attributes["ollama.num_ctx"]));
        Assert.Equal((address.Host, $"{address.Port}"), (attributes["server.address"], attributes["server.port"]));
        AssertPhases(world.Receiver, span);

        string[] wanted = ["gen_ai.client.operation.duration", "gen_ai.client.token.usage", "gen_ai.server.time_to_first_token",
            "gen_ai.server.time_per_output_token", "ollama_requests_total"];
        await Eventually.TrueAsync(() => wanted.All(world.Receiver.Metrics.ContainsKey));
        AssertGenAi(world.Receiver, "gen_ai.client.operation.duration", "s", 0.01, 1310.72, []);
        AssertGenAi(world.Receiver, "gen_ai.client.token.usage", "{token}", 1, 67_108_864, ["gen_ai.token.type"]);
        AssertGenAi(world.Receiver, "gen_ai.server.time_to_first_token", "s", 0.001, 640, []);
        AssertGenAi(world.Receiver, "gen_ai.server.time_per_output_token", "s", 0.01, 2.5, []);
        var tokens = world.Receiver.Metrics["gen_ai.client.token.usage"].Histogram.DataPoints.ToDictionary(
            point => Texts(point.Attributes)["gen_ai.token.type"], point => point.Sum);
        Assert.Equal((attributes["gen_ai.usage.input_tokens"], attributes["gen_ai.usage.output_tokens"]), ($"{tokens["input"]}", $"{tokens["output"]}"));
        Assert.All(world.Receiver.Resources, resource => Assert.Equal("the-proxy", Texts(resource.Attributes)["service.name"]));
        // The Prometheus page is the same as without OTLP.
        Assert.DoesNotContain("gen_ai", await world.Proxy.Client.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_error_has_its_status_and_type()
    {
        await using var world = await World.StartAsync("http/protobuf");

        await world.AskAsync("/v1/chat/completions", """{"model":"nobody","messages":[{"role":"user","content":"a secret"}]}""", null);
        await Eventually.TrueAsync(() => world.Receiver.Spans.Any(span => span.Kind == 3));

        var span = Assert.Single(world.Receiver.Spans, span => span.Kind == 3);
        Assert.Equal(("chat nobody:latest", 2, "model_not_found", "model_not_found"),
            (span.Name, span.Status.Code, span.Status.Message, Texts(span.Attributes)["error.type"]));
        Assert.True(span.ParentSpanId.IsEmpty);
        await Eventually.TrueAsync(() => world.Receiver.Metrics.ContainsKey("gen_ai.client.operation.duration"));
        Assert.Equal("model_not_found",
            Texts(Assert.Single(world.Receiver.Metrics["gen_ai.client.operation.duration"].Histogram.DataPoints).Attributes)["error.type"]);
    }

    [Fact]
    public async Task A_request_that_runs_no_model_is_a_span_without_generation_attributes()
    {
        await using var world = await World.StartAsync("http/protobuf");

        await world.Proxy.Client.GetStringAsync("/api/tags");
        await Eventually.TrueAsync(() => world.Receiver.Spans.Any(span => span.Kind == 3));

        var span = Assert.Single(world.Receiver.Spans, span => span.Kind == 3);
        Assert.Equal("GET /api/tags", span.Name);
        Assert.DoesNotContain(span.Attributes, attribute => attribute.Key.StartsWith("gen_ai", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Texts_are_exported_only_when_enabled_and_redacted_as_in_the_record()
    {
        await using var world = await World.StartAsync("http/protobuf", ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true"),
            ("ANALYTICS_REDACT", "email"));

        await world.AskAsync("/api/chat", Chat, null);
        await Eventually.TrueAsync(() => world.Receiver.Spans.Any(span => span.Kind == 3));

        var attributes = Texts(Assert.Single(world.Receiver.Spans, span => span.Kind == 3).Attributes);
        Assert.StartsWith("""[{"role":"user","parts":[{"type":"text","content":"Write to """, attributes["gen_ai.input.messages"], StringComparison.Ordinal);
        Assert.DoesNotContain("a@b.example", attributes["gen_ai.input.messages"], StringComparison.Ordinal);
        Assert.Equal("""[{"type":"text","content":"Be kind"}]""", attributes["gen_ai.system_instructions"]);
        Assert.Matches(
            """^\[\{"role":"assistant","parts":\[\{"type":"reasoning","content":".+"\},"""
            + """\{"type":"text","content":"Hello! .+"\}\],"finish_reason":"stop"\}\]$""",
            attributes["gen_ai.output.messages"]);
    }

    [Theory]
    [InlineData("always_off", null)]
    [InlineData("parentbased_always_on", $"00-{TraceId}-{CallersSpan}-00")]
    public async Task Spans_are_sampled_by_the_standard_variables(string sampler, string? parent)
    {
        await using var world = await World.StartAsync("http/protobuf", ("OTEL_TRACES_SAMPLER", sampler));

        await world.AskAsync("/api/chat", Chat, parent);
        await Eventually.TrueAsync(() => world.Receiver.Metrics.ContainsKey("gen_ai.client.operation.duration"));
        await world.Proxy.DisposeAsync();

        Assert.Empty(world.Receiver.Spans);
    }

    [Fact]
    public async Task A_stop_exports_the_remaining_spans()
    {
        await using var world = await World.StartAsync("grpc", ("OTEL_BSP_SCHEDULE_DELAY", "3600000"), ("OTEL_METRIC_EXPORT_INTERVAL", "3600000"));

        await world.AskAsync("/api/chat", Chat, null);
        await world.Proxy.DisposeAsync();

        Assert.Single(world.Receiver.Spans, span => span.Name == "chat tiny:latest");
        Assert.Contains("gen_ai.client.operation.duration", world.Receiver.Metrics.Keys);
    }

    [Fact]
    public async Task Ollama_gets_only_the_headers_of_the_caller()
    {
        await using var world = await World.StartAsync("http/protobuf");

        await world.AskAsync("/api/chat", Chat, $"00-{TraceId}-{CallersSpan}-01");
        await world.AskAsync("/api/chat", Chat, null);

        Assert.Equal([[$"00-{TraceId}-{CallersSpan}-01"], []], world.Ollama.Received.Select(TraceParents));
    }

    [Fact]
    public async Task With_propagation_ollama_gets_the_id_of_the_span()
    {
        await using var world = await World.StartAsync("http/protobuf", ("PROXY_PROPAGATE_TRACE", "true"));

        await world.AskAsync("/api/chat", Chat, $"00-{TraceId}-{CallersSpan}-01");
        await Eventually.TrueAsync(() => world.Receiver.Spans.Any(span => span.Kind == 3));

        var span = Assert.Single(world.Receiver.Spans, span => span.Kind == 3);
        Assert.Equal(("chat tiny:latest", TraceId, CallersSpan), (span.Name, Hex(span.TraceId), Hex(span.ParentSpanId)));
        Assert.Equal([$"00-{TraceId}-{Hex(span.SpanId)}-01"], TraceParents(Assert.Single(world.Ollama.Received)));
    }

    [Fact]
    public async Task Without_the_variables_no_exporter_is_created()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(new Uri("http://127.0.0.1:9"),
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["OTEL_SERVICE_NAME"] = "a" });

        Assert.DoesNotContain(proxy.Services.GetServices<IHostedService>(), service => service is OtlpExport);
        Assert.Null(proxy.Services.GetService<OpenTelemetry.Trace.TracerProvider>());
    }

    /// <summary>Asserts that the phases are children of the span, inside it, in order and without overlap.</summary>
    private static void AssertPhases(OtlpReceiver receiver, Span span)
    {
        Span[] phases = [.. receiver.Spans.Where(phase => phase.Kind == 1).OrderBy(phase => phase.StartTimeUnixNano)];
        Assert.All(phases, phase => Assert.Equal((span.TraceId, span.SpanId), (phase.TraceId, phase.ParentSpanId)));
        string[] order = ["queue", "connect", "load", "engine_wait", "prompt_eval", "decode"];
        Assert.Equal(phases.Select(phase => phase.Name).Order(Comparer<string>.Create((a, b) => Array.IndexOf(order, a) - Array.IndexOf(order, b))),
            phases.Select(phase => phase.Name));
        Assert.Subset(phases.Select(phase => phase.Name).ToHashSet(), new HashSet<string> { "load", "prompt_eval", "decode" });
        Assert.All(phases, phase => Assert.True(phase.StartTimeUnixNano >= span.StartTimeUnixNano && phase.EndTimeUnixNano <= span.EndTimeUnixNano));
        Assert.All(phases.Zip(phases.Skip(1)), pair => Assert.True(pair.First.EndTimeUnixNano <= pair.Second.StartTimeUnixNano));
    }

    private static void AssertGenAi(OtlpReceiver receiver, string name, string unit, double first, double last, string[] more)
    {
        var metric = receiver.Metrics[name];
        Assert.Equal((name, unit), (metric.Name, metric.Unit));
        Assert.All(metric.Histogram.DataPoints, point =>
        {
            Assert.Equal((first, last), (point.ExplicitBounds[0], point.ExplicitBounds[^1]));
            Assert.Equal(
                ["gen_ai.operation.name", "gen_ai.provider.name", "gen_ai.request.model", "gen_ai.response.model", .. more, "server.address", "server.port"],
                Texts(point.Attributes).Keys.Order(StringComparer.Ordinal));
        });
    }

    private static string[] TraceParents(ReceivedRequest request) =>
        [.. request.Headers.Where(header => header.Key.Equals("traceparent", StringComparison.OrdinalIgnoreCase)).Select(header => header.Value)];

    private static string Hex(Google.Protobuf.ByteString bytes) => Convert.ToHexStringLower(bytes.Span);

    private static Dictionary<string, string> Texts(IEnumerable<KeyValue> attributes) =>
        attributes.ToDictionary(attribute => attribute.Key, attribute => Text(attribute.Value), StringComparer.Ordinal);

    private static string Text(AnyValue value) => value.ValueCase switch
    {
        AnyValue.ValueOneofCase.StringValue => value.StringValue,
        AnyValue.ValueOneofCase.IntValue => value.IntValue.ToString(System.Globalization.CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.DoubleValue => value.DoubleValue.ToString(System.Globalization.CultureInfo.InvariantCulture),
        AnyValue.ValueOneofCase.ArrayValue => $"[{string.Join(',', value.ArrayValue.Values.Select(Text))}]",
        _ => value.ToString(),
    };

    /// <summary>A simulated Ollama, the proxy in front of it, and the receiver of its spans and metrics.</summary>
    private sealed record World(SimulatedOllamaServer Ollama, ProxyUnderTest Proxy, OtlpReceiver Receiver) : IAsyncDisposable
    {
        public static async Task<World> StartAsync(string protocol, params (string Name, string Value)[] variables)
        {
            var receiver = await OtlpReceiver.StartAsync();
            var ollama = await SimulatedOllamaServer.StartAsync(s_options);
            Dictionary<string, string> all = new(StringComparer.Ordinal)
            {
                ["ANALYTICS_BACKEND"] = "none",
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.AddressFor(protocol),
                ["OTEL_EXPORTER_OTLP_PROTOCOL"] = protocol,
                ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
                ["OTEL_BSP_SCHEDULE_DELAY"] = "50",
            };
            foreach (var (name, value) in variables)
            {
                all[name] = value;
            }

            return new World(ollama, await ProxyUnderTest.StartAsync(ollama.Address, all), receiver);
        }

        public async Task AskAsync(string path, string body, string? traceParent)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8) };
            if (traceParent is not null)
            {
                request.Headers.TryAddWithoutValidation("traceparent", traceParent);
            }

            using var answer = await Proxy.Client.SendAsync(request);
            await answer.Content.ReadAsStringAsync();
        }

        public async ValueTask DisposeAsync()
        {
            if (Directory.Exists(Proxy.Folder))
            {
                await Proxy.DisposeAsync();
            }

            await Ollama.DisposeAsync();
            await Receiver.DisposeAsync();
        }
    }
}
