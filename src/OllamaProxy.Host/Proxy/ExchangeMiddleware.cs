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
internal sealed partial class ExchangeMiddleware(
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
        // From here on, RemoteIpAddress is the original client, not the proxy in front of us. Kestrel sets it anew for each request.
        context.Connection.RemoteIpAddress = TrustedProxies.ClientOf(context, options.TrustedProxies);
        var exchange = new ExchangeInProgress(context, running, decoders, time, logger);
        var error = ForwarderError.None;
        try
        {
            exchange.Begin();
            if (!await OwnAnswers.TryAnswerAsync(context, exchange))
            {
                error = await PassAsync(context, exchange);
            }
        }
        catch (IOException) when (exchange.IsMalformed && !context.Response.HasStarted)
        {
            await OwnAnswers.MalformedAsync(context, exchange);
        }
        // What a client that disconnects causes is no fault.
        catch (Exception exception) when (
            exception is not OperationCanceledException && !exchange.ClientLeft && !exchange.IsMalformed && !context.RequestAborted.IsCancellationRequested)
        {
            metrics.Failed();
            Log.Failed(logger, exception, exchange.Id);
            if (context.Response.HasStarted)
            {
                // Kestrel closes the connection before the end of the body.
                exchange.End = RelayEnd.CutByUpstream;
                throw;
            }

            await OwnAnswers.FaultAsync(context, exchange);
        }
        finally
        {
            queue.TryEnqueue(Complete(context, exchange, error));
        }
    }

    private async Task<ForwarderError> PassAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var entering = exchange.NeedsSlot ? EnterAsync(context, exchange) : ValueTask.FromResult(Admission.NotNeeded);
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

    /// <summary>An inference asks for a slot once Ollama could work on it.</summary>
    private async ValueTask<Admission> EnterAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var isWhole = await BodyArrival.WaitAsync(context, exchange);
        var admission = await gate.EnterAsync(exchange.Endpoint, context);
        if (!isWhole && admission.Result == AdmissionResult.Admitted)
        {
            exchange.Upload = new UploadWatch(exchange, gate, context.Request.BodyReader);
        }

        return admission;
    }

    private async Task<ForwarderError> PassAsync(HttpContext context, ExchangeInProgress exchange, Admission admission)
    {
        using var upload = exchange.Upload;
        exchange.QueueTime = admission.Waited;
        if (admission.Result != AdmissionResult.Admitted)
        {
            await (admission.Result switch
            {
                AdmissionResult.Cancelled => Task.CompletedTask,
                AdmissionResult.Stopping => OwnAnswers.StoppingAsync(context, exchange),
                var full => OwnAnswers.BusyAsync(context, exchange, full == AdmissionResult.QueueTimeout, gate.WhyNot(full), gate.RetryAfter()),
            });
            return ForwarderError.None;
        }

        exchange.HoldSlot(gate, admission);
        try
        {
            // Before the look at the state: read after it, this might be the next Ollama's, which is then taken for the one that could not be connected to.
            var processId = ollama.ProcessId;
            // The slot is kept meanwhile: the request waited for it.
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
            exchange.GiveSlotBack();
        }
    }

    private async Task<ForwarderError> ForwardAsync(HttpContext context, ExchangeInProgress exchange, int? processId)
    {
        // Ollama upgrades nothing and answers as if it had not been asked; so the request is one like any other.
        context.Features.Set<IHttpUpgradeFeature>(null);
        context.Request.Body = new ObservedRequestBody(context.Request.Body, exchange);
        var error = ForwarderError.None;
        try
        {
            error = await AskAsync(context, exchange, processId);
        }
        catch (OperationCanceledException) when (exchange.Upload is { HasStalled: true })
        {
            // The answer follows.
        }

        if (exchange.End != RelayEnd.NoAnswer || exchange.ClientLeft || context.RequestAborted.IsCancellationRequested || context.Response.HasStarted)
        {
            return error;
        }

        exchange.GiveSlotBack();
        if (exchange.IsMalformed)
        {
            await OwnAnswers.MalformedAsync(context, exchange);
        }
        else if (exchange.Upload is { HasStalled: true })
        {
            metrics.Rejected(exchange.Endpoint, RejectionReason.BodyStalled);
            await OwnAnswers.StalledAsync(context, exchange);
        }
        else
        {
            // A request that was sent and lost is no reason to wait for Ollama to start.
            await OwnAnswers.UnreachableAsync(context, exchange, ollama.Backend, StartWait.IsUnsent(context) ? ollama.State : OllamaState.Ready);
        }

        return error;
    }

    private async Task<ForwarderError> AskAsync(HttpContext context, ExchangeInProgress exchange, int? processId)
    {
        if (options.InjectUsage && exchange.StreamsOpenAi && await UsageRequest.RewriteAsync(context))
        {
            exchange.UsageFilter = new UsageFilter();
        }

        if (_propagatesTrace)
        {
            exchange.Span = TraceExchange.Begin(context.Request.Headers.TraceParent, context.Request.Headers.TraceState, exchange.StartedAt);
        }

        var error = await SendAsync(context, exchange);
        return exchange.End == RelayEnd.NoAnswer && await start.MayRepeatAsync(context, exchange, processId) ? await SendAsync(context, exchange) : error;
    }

    private ValueTask<ForwarderError> SendAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var backend = ollama.Backend;
        exchange.Asked();
        var transformer = new OllamaTransformer(exchange, new HostRules(options.IsLoopbackOnly, backend));
        return forwarder.SendAsync(context, backend.Prefix(), connections.Invoker, s_config, transformer);
    }

    /// <summary>A failure here costs the facts of the bodies, and neither the answer nor the count of the request.</summary>
    private Exchange Complete(HttpContext context, ExchangeInProgress exchange, ForwarderError error)
    {
        try
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
            var text = response.Error ?? exchange.Refusal ?? (outcome == ExchangeOutcome.UpstreamUnreachable ? Describe(context, error) : null);
            return Complete(context, exchange, outcome, text, request, response);
        }
        catch (Exception exception)
        {
            metrics.Failed();
            Log.NotCompleted(logger, exception, exchange.Id);
            var outcome = exchange.End == RelayEnd.Whole ? ExchangeOutcome.Completed : ExchangeOutcome.Incomplete;
            return Complete(context, exchange, outcome, error: null, RequestFacts.Unknown, ResponseFacts.Unknown);
        }
    }

    private Exchange Complete(
        HttpContext context, ExchangeInProgress exchange, ExchangeOutcome outcome, string? error, RequestFacts request, ResponseFacts response) =>
        new()
        {
            Id = exchange.Id,
            StartedAt = exchange.StartedAt,
            Duration = time.GetElapsedTime(exchange.Started),
            Endpoint = exchange.Endpoint,
            Method = exchange.Method,
            Target = TextCut.BeginningOfTarget(exchange.Target, MaxTarget),
            // The client had already disconnected, so no status was sent.
            StatusCode = outcome == ExchangeOutcome.ClientCancelled && exchange.End == RelayEnd.NoAnswer ? null : exchange.StatusCode,
            Outcome = outcome,
            Rejection = exchange.Rejection,
            Error = error,
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

    private static string Describe(HttpContext context, ForwarderError error) =>
        context.GetForwarderErrorFeature()?.Exception?.GetBaseException().Message ?? error.ToString();

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The proxy failed in request {Id}.")]
        public static partial void Failed(ILogger logger, Exception exception, string id);

        [LoggerMessage(2, LogLevel.Error, "The record of request {Id} is incomplete: the proxy failed to read its facts.")]
        public static partial void NotCompleted(ILogger logger, Exception exception, string id);
    }
}
