using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.Infrastructure.Supervision;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// One request through the byte path: forwarded, relayed, and afterwards handed to recording as a complete <see cref="Exchange"/>.
/// </summary>
internal sealed class ExchangeMiddleware(
    IHttpForwarder forwarder,
    OllamaConnections connections,
    IOllamaProcessSupervisor ollama,
    ProxyOptions options,
    OpenTelemetryOptions telemetry,
    ConcurrencyGate gate,
    StartWait start,
    RunningRequests running,
    ExchangeQueue queue,
    DecoderBudget decoders,
    ProxyMetrics metrics,
    TimeProvider time,
    IHostApplicationLifetime lifetime,
    ILogger<ExchangeMiddleware> logger)
{
    private const int MaxTarget = 2_048;

    private readonly bool _isTraced = telemetry.ExportsTraces;
    private readonly bool _propagatesTrace = telemetry is { ExportsTraces: true, PropagatesTrace: true };

    /// <summary>YARP's own limit of 100 s between two pieces would cut cold loads; Ollama has none, and so have we.</summary>
    private static readonly ForwarderRequestConfig s_config = new() { ActivityTimeout = Timeout.InfiniteTimeSpan };

    public async Task InvokeAsync(HttpContext context)
    {
        // Whoever asks from here on means the client, not the proxy before us. The server tells it anew for each request.
        context.Connection.RemoteIpAddress = TrustedProxies.ClientOf(context, options.TrustedProxies);
        var exchange = new ExchangeInProgress(context, running, decoders, time, logger);
        exchange.Begin();
        var error = ForwarderError.None;
        try
        {
            if (!await OwnAnswers.TryAnswerAsync(context, exchange))
            {
                error = await PassAsync(context, exchange);
            }
        }
        finally
        {
            queue.TryEnqueue(Complete(context, exchange, error));
        }
    }

    private async Task<ForwarderError> PassAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var entering = exchange.NeedsSlot ? gate.EnterAsync(exchange.Endpoint, context) : ValueTask.FromResult(Admission.NotNeeded);
        exchange.Phase = entering.IsCompleted ? RequestPhase.Waiting : RequestPhase.Queued;
        running.Add(exchange);
        try
        {
            return await PassAsync(context, exchange, await entering);
        }
        finally
        {
            running.Remove(exchange);
        }
    }

    private async Task<ForwarderError> PassAsync(HttpContext context, ExchangeInProgress exchange, Admission admission)
    {
        exchange.QueueTime = admission.Waited;
        if (admission.Result != AdmissionResult.Admitted)
        {
            await (admission.Result switch
            {
                AdmissionResult.Cancelled => Task.CompletedTask,
                AdmissionResult.Stopping => OwnAnswers.StoppingAsync(context, exchange),
                var full => OwnAnswers.BusyAsync(context, exchange, gate.WhyNot(full), gate.RetryAfter()),
            });
            return ForwarderError.None;
        }

        try
        {
            // Before the look at the state: read after it, this might be the next Ollama's, which is then taken for the one that could not be connected to.
            var processId = ollama.ProcessId;
            // The slot is kept meanwhile: whoever has waited for it has not waited in vain.
            if (start.IsNeeded(exchange))
            {
                if (!await start.PassAsync(context, exchange))
                {
                    return ForwarderError.None;
                }

                processId = ollama.ProcessId;
            }

            if (exchange.Phase == RequestPhase.Queued)
            {
                running.Enter(exchange, RequestPhase.Waiting);
            }

            metrics.RequestStarted();
            try
            {
                return await ForwardAsync(context, exchange, processId);
            }
            finally
            {
                metrics.RequestEnded();
            }
        }
        finally
        {
            gate.Leave(exchange.Endpoint, admission);
        }
    }

    private async Task<ForwarderError> ForwardAsync(HttpContext context, ExchangeInProgress exchange, int? processId)
    {
        // Ollama upgrades nothing and answers as if it had not been asked; so the request is one like any other.
        context.Features.Set<IHttpUpgradeFeature>(null);
        context.Request.Body = new ObservedRequestBody(context.Request.Body, exchange);
        if (options.InjectUsage && exchange.StreamsOpenAi && await UsageRequest.RewriteAsync(context))
        {
            exchange.UsageFilter = new UsageFilter();
        }

        if (_propagatesTrace)
        {
            exchange.Span = TraceExchange.Begin(context.Request.Headers.TraceParent, context.Request.Headers.TraceState, exchange.StartedAt);
        }

        var error = await SendAsync(context, exchange);
        if (exchange.End == RelayEnd.NoAnswer && await start.MayRepeatAsync(context, exchange, processId))
        {
            error = await SendAsync(context, exchange);
        }

        if (exchange.End == RelayEnd.NoAnswer && !exchange.ClientLeft && !context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            // What was lost on its way is no question of when Ollama will be there.
            await OwnAnswers.UnreachableAsync(context, exchange, ollama.Backend, StartWait.IsUnsent(context) ? ollama.State : OllamaState.Ready);
        }

        return error;
    }

    private ValueTask<ForwarderError> SendAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var backend = ollama.Backend;
        exchange.Asked();
        var transformer = new OllamaTransformer(exchange, new HostRules(options.IsLoopbackOnly, backend));
        return forwarder.SendAsync(context, backend.Prefix(), connections.Invoker, s_config, transformer);
    }

    private Exchange Complete(HttpContext context, ExchangeInProgress exchange, ForwarderError error)
    {
        var request = exchange.CompleteRequest();
        var response = exchange.CompleteResponse();
        var outcome = Outcomes.Classify(
            error,
            exchange.End,
            exchange.StatusCode,
            response,
            expectsTerminator: exchange.KnowsTerminator,
            clientLeft: exchange.ClientLeft || context.RequestAborted.IsCancellationRequested,
            stopping: lifetime.ApplicationStopping.IsCancellationRequested);
        return new Exchange
        {
            Id = exchange.Id,
            StartedAt = exchange.StartedAt,
            Duration = time.GetElapsedTime(exchange.Started),
            Endpoint = exchange.Endpoint,
            Method = context.Request.Method,
            Target = exchange.Target.Length <= MaxTarget ? exchange.Target : exchange.Target[..MaxTarget],
            // What we would have said to a client that had left already was said to nobody.
            StatusCode = outcome == ExchangeOutcome.ClientCancelled && exchange.End == RelayEnd.NoAnswer ? null : exchange.StatusCode,
            Outcome = outcome,
            Error = response.Error ?? exchange.Refusal ?? (outcome == ExchangeOutcome.UpstreamUnreachable ? Describe(context, error) : null),
            ClientAddress = exchange.ClientAddress,
            UserAgent = exchange.UserAgent,
            RequestBytes = exchange.RequestBytes,
            ResponseBytes = exchange.ResponseBytes,
            QueueTime = exchange.QueueTime,
            TimeToHeaders = exchange.TimeToHeaders,
            ConnectTime = exchange.ConnectTime,
            BackPressure = exchange.TimeToHeaders is null ? null : exchange.BackPressure,
            RequestOverhead = exchange.RequestOverhead,
            ResponseOverhead = exchange.ResponseOverhead,
            TraceParent = _isTraced ? context.Request.Headers.TraceParent : default,
            TraceState = _isTraced ? context.Request.Headers.TraceState : default,
            Span = exchange.Span,
            Request = request,
            Response = response,
        };
    }

    private static string Describe(HttpContext context, ForwarderError error) =>
        context.GetForwarderErrorFeature()?.Exception?.GetBaseException().Message ?? error.ToString();
}
