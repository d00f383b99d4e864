using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Admission;
using OllamaProxy.Infrastructure.Supervision;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// The proxy's replies in Ollama's place: Ollama's own reply where Kestrel cannot forward a request, and an error in the dialect's shape where Ollama does not
/// answer or must not get the request. Each returns how the exchange ended.
/// </summary>
internal static class ProxyReplies
{
    /// <summary>Replies to codings other than plain chunks, to CONNECT and to <c>OPTIONS *</c>, as Go's server does. Returns null for all others.</summary>
    public static async ValueTask<RelayEnd?> TryReplyAsync(HttpContext context, ExchangeInProgress exchange)
    {
        if (context.Request.Headers.TransferEncoding is { Count: > 0 } coding && RefusalOf(context, coding) is var (status, why))
        {
            return await CloseAsync(context, exchange, status, why);
        }

        if (HttpMethods.IsConnect(context.Request.Method))
        {
            Reset(context).XContentTypeOptions = "nosniff";
            context.Response.ContentType = "text/plain; charset=utf-8";
            context.Response.ContentLength = 19;
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            exchange.Refuse(StatusCodes.Status404NotFound);
            await context.Response.WriteAsync("404 page not found\n", context.RequestAborted);
            return RelayEnd.Whole;
        }

        if (exchange.Target == "*" && HttpMethods.IsOptions(context.Request.Method))
        {
            context.Response.ContentLength = 0;
            exchange.Refuse(StatusCodes.Status200OK);
            return RelayEnd.Whole;
        }

        return null;
    }

    /// <summary>503. Kestrel reads the rest of the body and drops it, so the connection stays usable.</summary>
    public static Task<RelayEnd> BusyAsync(HttpContext context, ExchangeInProgress exchange, bool isTimeout, string why, TimeSpan retryAfter)
    {
        var headers = context.Response.Headers;
        headers.RetryAfter = Math.Ceiling(retryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        // The SDKs of OpenAI and Anthropic prefer this finer header.
        headers["retry-after-ms"] = Math.Ceiling(retryAfter.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        var reason = isTimeout ? RejectionReason.QueueTimeout : RejectionReason.QueueFull;
        return FailAsync(context, exchange, RelayEnd.Refused, StatusCodes.Status503ServiceUnavailable, why, reason, $" Try again in {headers.RetryAfter} s.");
    }

    /// <summary>408: the body stalled on a slot that others waited for. Its rest would look like another request, so the connection closes.</summary>
    public static Task<RelayEnd> StalledAsync(HttpContext context, ExchangeInProgress exchange, ProxyMetrics metrics)
    {
        metrics.CountRejection(exchange.Endpoint, RejectionReason.BodyStalled);
        var why = $"the request's body stalled for {UploadWatch.Limit.TotalSeconds} s while other requests waited for its slot";
        return CloseAsync(context, exchange, StatusCodes.Status408RequestTimeout, why, RejectionReason.BodyStalled);
    }

    /// <summary>400: the framing of the body is malformed, so the beginning of the next request is unknown.</summary>
    public static Task<RelayEnd> MalformedAsync(HttpContext context, ExchangeInProgress exchange) =>
        CloseAsync(context, exchange, StatusCodes.Status400BadRequest, "the request's body has malformed chunks");

    public static Task<RelayEnd> FaultAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var why = $"the proxy failed; its log has the reason under {exchange.Id}";
        return CloseAsync(context, exchange, StatusCodes.Status500InternalServerError, why, RejectionReason.ProxyFault);
    }

    /// <summary>503. Unless the request <paramref name="wasSent"/>, sending it again cannot run it twice.</summary>
    public static Task<RelayEnd> StoppingAsync(HttpContext context, ExchangeInProgress exchange, bool wasSent = false)
    {
        Reset(context).RetryAfter = "5";
        var advice = wasSent ? " Ollama had not answered the request." : " The request was not sent to Ollama.";
        return FailAsync(context, exchange, RelayEnd.Stopped, StatusCodes.Status503ServiceUnavailable, "the proxy is stopping", advice: advice);
    }

    /// <summary>Ollama gave no answer: 503 with Retry-After when it may soon, else 502.</summary>
    public static Task<RelayEnd> UnreachableAsync(HttpContext context, ExchangeInProgress exchange, Uri backend, OllamaState state)
    {
        var (retryAfter, why) = state switch
        {
            _ when LacksDescriptors(context) => (
                "5", "no file descriptors are left for a connection to Ollama. Raise the limit of the proxy (LimitNOFILE of its service, or ulimit -n)"),
            OllamaState.Starting or OllamaState.Restarting => ("5", $"Ollama at {backend.Authority} is starting and does not answer yet"),
            OllamaState.CrashLoop => ("30", $"Ollama at {backend.Authority} keeps exiting; the proxy's log has its last lines"),
            _ when context.GetForwarderErrorFeature()?.Exception is { } failure && failure.IsTlsFailure() =>
                (null, $"no answer from Ollama at {backend.Authority}: {failure.Reason().TrimEnd('.')}"),
            _ => (null, $"no answer from Ollama at {backend.Authority}. Is it running? GET /test on the proxy checks it"),
        };
        context.Response.Clear();
        context.Response.Headers.RetryAfter = retryAfter;
        var status = retryAfter is null ? StatusCodes.Status502BadGateway : StatusCodes.Status503ServiceUnavailable;
        return FailAsync(context, exchange, RelayEnd.NoAnswer, status, why);
    }

    /// <summary>True when the proxy could not connect because it may open no more files and sockets.</summary>
    public static bool LacksDescriptors(HttpContext context) =>
        context.GetForwarderErrorFeature()?.Exception?.GetBaseException() is SocketException { SocketErrorCode: SocketError.TooManyOpenSockets };

    /// <summary>Go's server knows only <c>chunked</c> on one line. In HTTP/1.0 a coding is a fault (RFC 9112, section 6.1).</summary>
    private static (int Status, string Why)? RefusalOf(HttpContext context, StringValues coding) =>
        HttpProtocol.IsHttp10(context.Request.Protocol) ? (StatusCodes.Status400BadRequest, "HTTP/1.0 has no Transfer-Encoding") :
        coding is [{ } only] && only.Equals("chunked", StringComparison.OrdinalIgnoreCase) ? null :
        (StatusCodes.Status501NotImplemented, "unsupported transfer encoding");

    /// <summary>Clears the response, and closes the connection after the reply.</summary>
    private static IHeaderDictionary Reset(HttpContext context)
    {
        context.Response.Clear();
        context.Response.Headers.Connection = "close";
        return context.Response.Headers;
    }

    private static Task<RelayEnd> CloseAsync(HttpContext context, ExchangeInProgress exchange, int status, string why, RejectionReason? reason = null)
    {
        Reset(context);
        return FailAsync(context, exchange, RelayEnd.Refused, status, why, reason);
    }

    private static async Task<RelayEnd> FailAsync(
        HttpContext context, ExchangeInProgress exchange, RelayEnd end, int status, string why, RejectionReason? reason = null, string? advice = null)
    {
        // A 502 is no refusal: its record keeps the connection's own error.
        exchange.Refuse(status, status == StatusCodes.Status502BadGateway ? null : why, reason);
        var body = exchange.Observation.ErrorBody(status, $"ollama-proxy: {why}.{advice}");
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        if (context.Request.Method != HttpMethods.Head)
        {
            try
            {
                await context.Response.Body.WriteAsync(body, context.RequestAborted);
            }
            // The client has disconnected; the end is the same.
            catch (OperationCanceledException)
            {
            }
        }

        return end;
    }
}
