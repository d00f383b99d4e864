using System.Diagnostics;
using MediatR;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>
/// Creates the span of an exchange after it ended, from recorded times, so tracing costs nothing while bytes pass. Names and attributes follow OpenTelemetry's
/// conventions for generative AI; the parent is the caller's (<c>traceparent</c>), the children are the phases. Ollama reports durations without start times,
/// so its phases follow one another from the moment the request was sent.
/// </summary>
public sealed class TraceExchange(TracingOptions options, IOllamaProcessSupervisor ollama, ModelNames models) : INotificationHandler<RequestRecorded>
{
    public const string SourceName = "OllamaProxy";

    private static readonly ActivitySource s_source = new(SourceName);

    /// <summary>Begins the span while the exchange runs, for a request that passes its identity to Ollama; null without a listener. Handle ends it.</summary>
    /// <param name="traceParent">The caller's <c>traceparent</c>.</param>
    /// <param name="traceState">The caller's <c>tracestate</c>.</param>
    /// <param name="startedAt">When the exchange began.</param>
    public static Activity? Begin(string? traceParent, string? traceState, DateTimeOffset startedAt)
    {
        var before = Activity.Current;
        var span = s_source.StartActivity(ActivityKind.Client, ParentOf(traceParent, traceState), startTime: startedAt, name: "exchange");
        // No other activity of this request may become its child.
        Activity.Current = before;
        return span;
    }

    public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
    {
        var (exchange, record) = notification;
        using var span = exchange.Span
            ?? s_source.StartActivity(ActivityKind.Client, ParentOf(exchange.TraceParent, exchange.TraceState), startTime: exchange.StartedAt,
                name: NameOf(exchange, record));
        if (span is not null)
        {
            Describe(span, exchange, record);
            AddPhases(span, exchange, record);
            span.SetEndTime((exchange.StartedAt + Longest(exchange.Duration)).UtcDateTime);
        }

        return Task.CompletedTask;
    }

    private string NameOf(Exchange exchange, RequestRecord record) =>
        !record.IsInference ? $"{exchange.Method} {exchange.Endpoint.Path}"
        : models.DisplayOf(record.Model) is { } model ? $"{GenAi.Operation(exchange.Endpoint)} {model}"
        : GenAi.Operation(exchange.Endpoint);

    private static ActivityContext ParentOf(string? traceParent, string? traceState) =>
        ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var parent) ? parent : default;

    private void Describe(Activity span, Exchange exchange, RequestRecord record)
    {
        span.DisplayName = NameOf(exchange, record);
        span.SetTag("http.request.method", record.Method);
        span.SetTag("http.response.status_code", record.StatusCode);
        span.SetTag("url.path", exchange.Endpoint.Path);
        span.SetTag("client.address", record.ClientIp);
        span.SetTag("user_agent.original", record.UserAgent);
        span.SetTag(GenAi.ServerAddress, ollama.Backend.Host);
        span.SetTag(GenAi.ServerPort, ollama.Backend.Port);
        span.SetTag("ollama.request_id", record.RequestId);
        span.SetTag(GenAi.ErrorType, record.ErrorType?.Name());
        if (exchange.Outcome.Status() == "error")
        {
            // Ollama's error text may quote the prompt.
            span.SetStatus(ActivityStatusCode.Error, options.CapturesContent ? record.Error : record.ErrorType?.Name());
        }

        if (record.IsInference)
        {
            DescribeInference(span, exchange, record);
        }
    }

    private void DescribeInference(Activity span, Exchange exchange, RequestRecord record)
    {
        span.SetTag(GenAi.OperationName, GenAi.Operation(exchange.Endpoint));
        span.SetTag(GenAi.ProviderName, GenAi.Provider);
        span.SetTag(GenAi.RequestModel, models.DisplayOf(record.Model));
        span.SetTag("gen_ai.request.max_tokens", record.MaxTokens);
        span.SetTag("gen_ai.request.temperature", record.Temperature);
        span.SetTag("gen_ai.request.stream", exchange.Request.Stream);
        span.SetTag(GenAi.ResponseModel, exchange.Response.Model);
        span.SetTag("gen_ai.response.finish_reasons", record.FinishReason is { } reason ? (string[])[reason] : null);
        span.SetTag("gen_ai.response.time_to_first_chunk", record.TimeToFirstToken?.TotalSeconds);
        span.SetTag("gen_ai.usage.input_tokens", record.InputTokens);
        span.SetTag("gen_ai.usage.cache_read.input_tokens", record.CachedInputTokens);
        span.SetTag("gen_ai.usage.output_tokens", record.TokensEstimated ? null : record.OutputTokens);
        span.SetTag("ollama.load_duration", record.LoadDuration?.TotalSeconds);
        span.SetTag("ollama.load_cause", record.LoadCause?.Name());
        span.SetTag("ollama.queue_wait", record.QueueTime?.TotalSeconds);
        span.SetTag("ollama.slot_wait", record.EngineWait?.TotalSeconds);
        span.SetTag("ollama.client_backpressure", record.BackPressure?.TotalSeconds);
        span.SetTag("ollama.num_ctx", record.ContextLength);
        span.SetTag("ollama.prompt.truncated", record.Truncation?.Name());
        if (options.CapturesContent)
        {
            span.SetTag("gen_ai.system_instructions", SpanMessages.System(record));
            span.SetTag("gen_ai.input.messages", SpanMessages.Input(record));
            span.SetTag("gen_ai.output.messages", SpanMessages.Output(record));
        }
    }

    private static void AddPhases(Activity span, Exchange exchange, RequestRecord record)
    {
        if (!span.IsAllDataRequested)
        {
            return;
        }

        var (at, end) = (exchange.StartedAt, exchange.StartedAt + exchange.Duration);
        Phase(ExchangePhaseNames.Queue, record.QueueTime);
        Phase(ExchangePhaseNames.Connect, record.ConnectTime);
        Phase(ExchangePhaseNames.ResponseWait, record.ResponseWait);
        Phase(ExchangePhaseNames.Load, record.LoadDuration);
        Phase(ExchangePhaseNames.EngineWait, record.EngineWait);
        Phase(ExchangePhaseNames.PromptEval, record.PromptEvalDuration);
        // The proxy's clock saw the first chunk of a stream.
        at = record.TimeToFirstToken is { } first && exchange.StartedAt + first > at ? exchange.StartedAt + first : at;
        Phase(ExchangePhaseNames.Decode, record.DecodeTime);

        void Phase(string name, TimeSpan? length)
        {
            if (length is not { } known || known <= TimeSpan.Zero || at >= end)
            {
                return;
            }

            using var phase = s_source.StartActivity(ActivityKind.Internal, span.Context, startTime: at, name: name);
            at = at + known < end ? at + known : end;
            phase?.SetEndTime(at.UtcDateTime);
        }
    }

    /// <summary>Viewers take a span of zero length for one that has not ended.</summary>
    private static TimeSpan Longest(TimeSpan duration) => duration > TimeSpan.Zero ? duration : TimeSpan.FromTicks(1);
}
