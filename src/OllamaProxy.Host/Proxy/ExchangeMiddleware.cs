using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.Host.Upstream;
using OllamaProxy.Host.Usage;
using OllamaProxy.Host.Workers;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>Admits, forwards and relays one request, and then hands the complete <see cref="Exchange"/> to recording.</summary>
internal sealed partial class ExchangeMiddleware(
    IHttpForwarder forwarder,
    UpstreamPool upstream,
    IOllamaProcessSupervisor ollama,
    ProxyOptions options,
    OpenTelemetryOptions telemetry,
    ConcurrencyGate gate,
    StartWait start,
    GraceEnd grace,
    RunningRequests running,
    ExchangeQueue queue,
    DecoderBudget decoders,
    ProxyMetrics metrics,
    ExchangeCompletion completion,
    TimeProvider time,
    ILogger<ExchangeMiddleware> logger)
{
    /// <summary>YARP's limit of 100 s between two reads would cut cold loads. Ollama has no such limit.</summary>
    private static readonly ForwarderRequestConfig s_config = new() { ActivityTimeout = Timeout.InfiniteTimeSpan };

    private readonly bool _propagatesTrace = telemetry is { ExportsTraces: true, PropagatesTrace: true };

    public async Task InvokeAsync(HttpContext context)
    {
        // :: Step 1: Identify the request. From here on, RemoteIpAddress is the original client, not a proxy in front of this one.
        context.Connection.RemoteIpAddress = TrustedProxies.ClientOf(context, options.TrustedProxies);
        var exchange = new ExchangeInProgress(context, running, decoders, time, logger);
        var (end, error) = (RelayEnd.NoAnswer, ForwarderError.None);
        LinkedListNode<ExchangeInProgress>? place = null;
        var isCounted = false;
        try
        {
            // :: Step 2: Reply to a request that cannot be forwarded.
            if (await ProxyReplies.TryReplyAsync(context, exchange) is { } replied)
            {
                end = replied;
                return;
            }

            // :: Step 3: Admit. An inference waits for its body, and then for a slot.
            var entering = exchange.NeedsSlot ? EnterAsync(context, exchange) : ValueTask.FromResult(AdmissionOutcome.NotNeeded);
            exchange.Phase = entering.IsCompleted ? RequestPhase.Waiting : RequestPhase.Queued;
            place = running.Add(exchange);
            var admission = await entering;
            exchange.Timings.QueueTime = admission.Waited;
            if (admission.Result != AdmissionResult.Admitted)
            {
                end = await RefuseAsync(context, exchange, admission.Result);
                return;
            }

            exchange.HoldSlot(gate, admission);

            // :: Step 4: While Ollama starts, the request waits with its slot. The process is read before the state, or it might already be the next one.
            var processId = ollama.ProcessId;
            if (start.IsNeeded(exchange))
            {
                if (await start.PassAsync(context, exchange) is { } refused)
                {
                    end = refused;
                    return;
                }

                processId = ollama.ProcessId;
            }

            // :: Step 5: Count the request as running on Ollama.
            if (exchange.Phase == RequestPhase.Queued)
            {
                running.Enter(exchange, RequestPhase.Waiting);
            }

            metrics.CountRequestStart();
            isCounted = true;

            // :: Step 6: Forward the request and relay the response; once more if it could not be sent.
            var usage = await PrepareAsync(context, exchange);
            (end, error) = await ForwardAsync(context, exchange, usage);
            if (end == RelayEnd.NoAnswer && await start.MayRepeatAsync(context, exchange, processId))
            {
                (end, error) = await ForwardAsync(context, exchange, usage);
            }

            // :: Step 7: Without a response, reply with the reason.
            if (end == RelayEnd.NoAnswer && !exchange.ClientLeft && !context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
            {
                exchange.ReturnSlot();
                end = await ExplainAsync(context, exchange);
            }
        }
        catch (IOException) when (exchange.IsMalformed && !context.Response.HasStarted)
        {
            end = await ProxyReplies.MalformedAsync(context, exchange);
        }
        // Faults that a disconnected client causes are not the proxy's.
        catch (Exception exception) when (
            exception is not OperationCanceledException && !exchange.ClientLeft && !exchange.IsMalformed && !context.RequestAborted.IsCancellationRequested)
        {
            metrics.CountFault();
            Log.Failed(logger, exception, exchange.Id);
            if (context.Response.HasStarted)
            {
                // Kestrel closes the connection before the end of the body.
                end = RelayEnd.CutByUpstream;
                throw;
            }

            end = await ProxyReplies.FaultAsync(context, exchange);
        }
        finally
        {
            // :: Step 8: Release the slot and the counts.
            exchange.Upload?.Dispose();
            exchange.ReturnSlot();
            if (isCounted)
            {
                metrics.CountRequestEnd();
            }

            if (place is not null)
            {
                running.Remove(place);
            }

            // :: Step 9: Complete the exchange and enqueue it for recording, without waiting.
            queue.TryEnqueue(completion.Complete(context, exchange, end, error));
        }
    }

    /// <summary>Asks for a slot once Ollama could work on the inference.</summary>
    private async ValueTask<AdmissionOutcome> EnterAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var isWhole = await BodyArrival.WaitAsync(context, exchange);
        var admission = await gate.EnterAsync(exchange.Endpoint, context);
        if (!isWhole && admission.Result == AdmissionResult.Admitted)
        {
            exchange.Upload = new UploadWatch(exchange, gate, context.Request.BodyReader);
        }

        return admission;
    }

    private Task<RelayEnd> RefuseAsync(HttpContext context, ExchangeInProgress exchange, AdmissionResult result) => result switch
    {
        AdmissionResult.Cancelled => Task.FromResult(RelayEnd.NoAnswer),
        AdmissionResult.Stopping => ProxyReplies.StoppingAsync(context, exchange),
        _ => ProxyReplies.BusyAsync(context, exchange, result == AdmissionResult.QueueTimeout, gate.WhyNot(result), gate.RetryAfter()),
    };

    /// <summary>Applies the two settings that change a request: the proxy's own span, and token counts that the client did not ask for.</summary>
    private async ValueTask<UsageFilteredBody?> PrepareAsync(HttpContext context, ExchangeInProgress exchange)
    {
        if (_propagatesTrace)
        {
            exchange.Span = TraceExchange.Begin(context.Request.Headers.TraceParent, context.Request.Headers.TraceState, exchange.Timings.StartedAt);
        }

        var isRewritten = options.InjectUsage && exchange.StreamsOpenAi && await UsageRequest.RewriteAsync(context, exchange);
        return isRewritten ? UsageFilteredBody.Install(context.Response) : null;
    }

    private async ValueTask<(RelayEnd End, ForwarderError Error)> ForwardAsync(HttpContext context, ExchangeInProgress exchange, UsageFilteredBody? usage)
    {
        var backend = ollama.Backend;
        var sender = new RequestSender(context, exchange, new HostRules(options.IsLoopbackOnly, backend));
        var invoker = new HttpMessageInvoker(new UpstreamHandler(upstream, sender), disposeHandler: false);
        var hooks = new ForwarderHooks(exchange, backend);
        exchange.Timings.RecordAsked(isRewritten: usage is not null);
        var error = await forwarder.SendAsync(context, backend.OriginalString, invoker, s_config, hooks, grace.Token);
        if (usage is not null && (hooks.End is RelayEnd.Whole or RelayEnd.CutByUpstream))
        {
            await usage.FinishAsync(context.RequestAborted);
        }

        return (hooks.End, error);
    }

    private Task<RelayEnd> ExplainAsync(HttpContext context, ExchangeInProgress exchange) =>
        exchange.IsMalformed ? ProxyReplies.MalformedAsync(context, exchange) :
        exchange.Upload is { HasStalled: true } ? ProxyReplies.StalledAsync(context, exchange, metrics) :
        grace.IsOver ? ProxyReplies.StoppingAsync(context, exchange, wasSent: true) :
        // A request that was sent and lost says nothing about a start of Ollama.
        ProxyReplies.UnreachableAsync(context, exchange, ollama.Backend, StartWait.IsUnsent(context) ? ollama.State : OllamaState.Ready);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "The proxy failed in request {Id}.")]
        public static partial void Failed(ILogger logger, Exception exception, string id);
    }
}
