using System.Globalization;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// What the proxy answers in Ollama's place: as Ollama would, where our server cannot forward; and an error in the dialect's shape where Ollama is not
/// there, or shall not have more to do.
/// </summary>
internal static class OwnAnswers
{
    /// <summary>Answers the two request forms that are no path and cannot be forwarded as one, as Go's server answers them for Ollama.</summary>
    public static async Task<bool> TryAnswerAsync(HttpContext context, ExchangeInProgress exchange)
    {
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

    /// <summary>503: it does not go to Ollama. What of its body is under way the server reads and throws away, so that the connection stays usable.</summary>
    /// <param name="context">The request.</param>
    /// <param name="exchange">What is known of it.</param>
    /// <param name="why">The reason, in words.</param>
    /// <param name="retryAfter">When to come again.</param>
    public static Task BusyAsync(HttpContext context, ExchangeInProgress exchange, string why, TimeSpan retryAfter)
    {
        var headers = context.Response.Headers;
        headers.RetryAfter = Math.Ceiling(retryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture);
        // The SDKs of OpenAI and Anthropic know the finer one, and prefer it.
        headers["retry-after-ms"] = Math.Ceiling(retryAfter.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        if (exchange.ExpectsContinue)
        {
            // Nobody could tell whether what comes next is the body after all or another request.
            headers.Connection = "close";
        }

        exchange.End = RelayEnd.Refused;
        return FailAsync(context, exchange, StatusCodes.Status503ServiceUnavailable, why, $"ollama-proxy: {why}. Try again in {headers.RetryAfter} s.");
    }

    /// <summary>502: Ollama gave no answer at all.</summary>
    public static Task UnreachableAsync(HttpContext context, ExchangeInProgress exchange, Uri backend)
    {
        context.Response.Clear();
        var message = $"ollama-proxy: no answer from Ollama at {backend.Authority}. Is it running? GET /test on the proxy tells.";
        return FailAsync(context, exchange, StatusCodes.Status502BadGateway, why: null, message);
    }

    private static async Task FailAsync(HttpContext context, ExchangeInProgress exchange, int status, string? why, string message)
    {
        var body = exchange.ErrorBody(status, message);
        context.Response.StatusCode = status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        exchange.Refused(status, why);
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(body, context.RequestAborted);
        }
    }
}
