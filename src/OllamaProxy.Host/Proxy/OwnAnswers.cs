using System.Globalization;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Supervision;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// What the proxy answers in Ollama's place: as Ollama would, where our server cannot forward; and an error in the dialect's shape where Ollama is not
/// there, or shall not have more to do.
/// </summary>
internal static class OwnAnswers
{
    /// <summary>
    /// Answers what cannot be forwarded: the two request forms that are no path, as Go's server answers them for Ollama, and bodies whose coding is not plain
    /// chunks.
    /// </summary>
    public static async Task<bool> TryAnswerAsync(HttpContext context, ExchangeInProgress exchange)
    {
        if (context.Request.Headers.TransferEncoding is { Count: > 0 } coding && await TryRefuseCodingAsync(context, exchange, coding))
        {
            return true;
        }

        if (HttpMethods.IsConnect(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            context.Response.ContentType = "text/plain; charset=utf-8";
            context.Response.Headers.XContentTypeOptions = "nosniff";
            context.Response.Headers.Connection = "close";
            context.Response.ContentLength = 19;
            await context.Response.WriteAsync("404 page not found\n", context.RequestAborted);
        }
        else if (exchange.Target == "*" && HttpMethods.IsOptions(context.Request.Method))
        {
            context.Response.ContentLength = 0;
        }
        else
        {
            return false;
        }

        exchange.Refused(context.Response.StatusCode);
        exchange.End = RelayEnd.Whole;
        return true;
    }

    /// <summary>
    /// Go's server knows one coding, <c>chunked</c> on one line. HTTP/1.0 has none, so there the framing is faulty (RFC 9112, section 6.1): two servers could
    /// read such a request differently.
    /// </summary>
    private static async Task<bool> TryRefuseCodingAsync(HttpContext context, ExchangeInProgress exchange, StringValues coding)
    {
        var isHttp10 = HttpProtocol.IsHttp10(context.Request.Protocol);
        if (!isHttp10 && coding is [{ } only] && only.Equals("chunked", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        context.Response.Headers.Connection = "close";
        exchange.End = RelayEnd.Refused;
        var (status, why) = isHttp10
            ? (StatusCodes.Status400BadRequest, "HTTP/1.0 has no Transfer-Encoding")
            : (StatusCodes.Status501NotImplemented, "unsupported transfer encoding");
        await FailAsync(context, exchange, status, why, $"ollama-proxy: {why}.");
        return true;
    }

    /// <summary>503: it does not go to Ollama. What of its body is under way the server reads and throws away, so that the connection stays usable.</summary>
    /// <param name="context">The request.</param>
    /// <param name="exchange">What is known of it.</param>
    /// <param name="isTimeout">Whether it waited for too long, and not in vain for a place.</param>
    /// <param name="why">The reason, in words.</param>
    /// <param name="retryAfter">When to come again.</param>
    public static Task BusyAsync(HttpContext context, ExchangeInProgress exchange, bool isTimeout, string why, TimeSpan retryAfter)
    {
        var headers = context.Response.Headers;
        headers.RetryAfter = Math.Ceiling(retryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        // The SDKs of OpenAI and Anthropic know the finer one, and prefer it.
        headers["retry-after-ms"] = Math.Ceiling(retryAfter.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        exchange.Reject(isTimeout ? RejectionReason.QueueTimeout : RejectionReason.QueueFull);
        return FailAsync(context, exchange, StatusCodes.Status503ServiceUnavailable, why, $"ollama-proxy: {why}. Try again in {headers.RetryAfter} s.");
    }

    /// <summary>408: the body stood still on a slot that others waited for. What of it is still to come cannot be told from another request.</summary>
    public static Task StalledAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var why = $"the request's body stalled for {UploadWatch.Limit.TotalSeconds} s while other requests waited for its slot";
        context.Response.Clear();
        context.Response.Headers.Connection = "close";
        exchange.Reject(RejectionReason.BodyStalled);
        return FailAsync(context, exchange, StatusCodes.Status408RequestTimeout, why, $"ollama-proxy: {why}.");
    }

    /// <summary>400: the framing of the body is malformed, so where the next request would begin is unknown.</summary>
    public static Task MalformedAsync(HttpContext context, ExchangeInProgress exchange)
    {
        const string Why = "the request's body has malformed chunks";
        context.Response.Clear();
        context.Response.Headers.Connection = "close";
        exchange.End = RelayEnd.Refused;
        return FailAsync(context, exchange, StatusCodes.Status400BadRequest, Why, $"ollama-proxy: {Why}.");
    }

    /// <summary>500: the proxy itself failed, and says under which id its log has the reason.</summary>
    public static Task FaultAsync(HttpContext context, ExchangeInProgress exchange)
    {
        var why = $"the proxy failed; its log has the reason under {exchange.Id}";
        context.Response.Clear();
        context.Response.Headers.Connection = "close";
        exchange.Reject(RejectionReason.ProxyFault);
        return FailAsync(context, exchange, StatusCodes.Status500InternalServerError, why, $"ollama-proxy: {why}.");
    }

    /// <summary>503: the proxy stops, and Ollama never heard of the request, so it may be sent again to whoever comes next.</summary>
    public static Task StoppingAsync(HttpContext context, ExchangeInProgress exchange)
    {
        const string Why = "the proxy is stopping";
        context.Response.Headers.RetryAfter = "5";
        context.Response.Headers.Connection = "close";
        exchange.End = RelayEnd.Stopped;
        return FailAsync(context, exchange, StatusCodes.Status503ServiceUnavailable, Why, $"ollama-proxy: {Why}. The request was not sent to Ollama.");
    }

    /// <summary>Ollama gave no answer at all. 503 and when to come again while it is being started, else 502.</summary>
    public static Task UnreachableAsync(HttpContext context, ExchangeInProgress exchange, Uri backend, OllamaState state)
    {
        var lacksDescriptors = LacksDescriptors(context);
        context.Response.Clear();
        var (retryAfter, why) = state switch
        {
            _ when lacksDescriptors => (
                "5", "no file descriptors are left for a connection to Ollama. Raise the limit of the proxy (LimitNOFILE of its service, or ulimit -n)"),
            OllamaState.Starting or OllamaState.Restarting => ("5", $"Ollama at {backend.Authority} is starting and does not answer yet"),
            OllamaState.CrashLoop => ("30", $"Ollama at {backend.Authority} keeps exiting; the proxy's log has its last lines"),
            _ when context.GetForwarderErrorFeature()?.Exception is { } failure && failure.IsTlsFailure() =>
                (null, $"no answer from Ollama at {backend.Authority}: {failure.Reason().TrimEnd('.')}"),
            _ => (null, $"no answer from Ollama at {backend.Authority}. Is it running? GET /test on the proxy checks it"),
        };
        context.Response.Headers.RetryAfter = retryAfter;
        return retryAfter is null
            ? FailAsync(context, exchange, StatusCodes.Status502BadGateway, null, $"ollama-proxy: {why}.")
            : FailAsync(context, exchange, StatusCodes.Status503ServiceUnavailable, why, $"ollama-proxy: {why}.");
    }

    /// <summary>Whether Ollama could not be asked because this process may open no more files and sockets.</summary>
    public static bool LacksDescriptors(HttpContext context) =>
        context.GetForwarderErrorFeature()?.Exception?.GetBaseException() is SocketException { SocketErrorCode: SocketError.TooManyOpenSockets };

    private static async Task FailAsync(HttpContext context, ExchangeInProgress exchange, int status, string? why, string message)
    {
        var body = exchange.ErrorBody(status, message);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        exchange.Refused(status, why);
        if (context.Request.Method != HttpMethods.Head)
        {
            await context.Response.Body.WriteAsync(body, context.RequestAborted);
        }
    }
}
