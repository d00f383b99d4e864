using OllamaProxy.Application.Protocols;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.Host.Workers;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>Builds the complete <see cref="Exchange"/> from one that has ended.</summary>
internal sealed partial class ExchangeCompletion(ProxyMetrics metrics, OpenTelemetryOptions telemetry, GraceEnd grace, ILogger<ExchangeCompletion> logger)
{
    private const int MaxTarget = 2_048;

    private readonly bool _isTraced = telemetry.ExportsTraces;

    /// <summary>Completes the facts and decides the outcome. A failure here loses facts of the bodies; the request still counts.</summary>
    public Exchange Complete(HttpContext context, ExchangeInProgress exchange, RelayEnd end, ForwarderError error)
    {
        var timings = exchange.Timings;
        var (request, response) = (RequestFacts.Unknown, ResponseFacts.Unknown);
        var outcome = end == RelayEnd.Whole ? ExchangeOutcome.Completed : ExchangeOutcome.Incomplete;
        string? text = null;
        try
        {
            request = exchange.Observation.CompleteRequest();
            response = exchange.Observation.CompleteResponse(timings, isWhole: end == RelayEnd.Whole);
            outcome = Outcomes.Classify(
                error,
                end,
                exchange.StatusCode,
                response,
                expectsTerminator: exchange.Observation.KnowsTerminator,
                clientLeft: exchange.ClientLeft || context.RequestAborted.IsCancellationRequested,
                // Before the grace is over, the proxy closes no connection of a running request.
                stopping: grace.IsOver);
            text = response.Error ?? exchange.Refusal ?? (outcome == ExchangeOutcome.UpstreamUnreachable ? Describe(context, error) : null);
        }
        catch (Exception exception)
        {
            metrics.CountFault();
            Log.NotCompleted(logger, exception, exchange.Id);
        }

        return new()
        {
            Id = exchange.Id,
            StartedAt = timings.StartedAt,
            Duration = timings.Elapsed,
            Endpoint = exchange.Endpoint,
            Method = exchange.Method,
            Target = TextCut.BeginningOfTarget(exchange.Target, MaxTarget),
            // The client had already disconnected, so no status was sent.
            StatusCode = outcome == ExchangeOutcome.ClientCancelled && end == RelayEnd.NoAnswer ? null : exchange.StatusCode,
            Outcome = outcome,
            Rejection = exchange.Rejection,
            Error = text,
            ClientAddress = exchange.ClientAddress,
            UserAgent = exchange.UserAgent,
            RequestBytes = exchange.Observation.RequestBytes,
            ResponseBytes = exchange.Observation.ResponseBytes,
            QueueTime = timings.QueueTime,
            TimeToHeaders = timings.TimeToHeaders,
            ConnectTime = timings.ConnectTime,
            BackPressure = timings.TimeToHeaders is null ? null : timings.BackPressure,
            RequestOverhead = timings.RequestOverhead,
            ResponseOverhead = timings.ResponseOverhead,
            TraceParent = _isTraced ? context.Request.Headers.TraceParent : default,
            TraceState = _isTraced ? context.Request.Headers.TraceState : default,
            Span = exchange.Span,
            Request = request,
            Response = response,
        };
    }

    private static string Describe(HttpContext context, ForwarderError error) =>
        context.GetForwarderErrorFeature()?.Exception?.GetBaseException().Message ?? error.ToString();

    private static partial class Log
    {
        [LoggerMessage(2, LogLevel.Error, "The record of request {Id} is incomplete: the proxy failed to read its facts.")]
        public static partial void NotCompleted(ILogger logger, Exception exception, string id);
    }
}
