namespace OllamaProxy.Host.Proxy;

/// <summary>What the proxy answers in Ollama's place: as Ollama would, where our server cannot forward; and an error in the dialect's shape where Ollama is not there.</summary>
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

    /// <summary>502: Ollama gave no answer at all.</summary>
    public static async Task UnreachableAsync(HttpContext context, ExchangeInProgress exchange, Uri backend)
    {
        const int Status = StatusCodes.Status502BadGateway;
        var body = exchange.ErrorBody(Status, $"ollama-proxy: no answer from Ollama at {backend.Authority}. Is it running? GET /test on the proxy tells.");
        context.Response.Clear();
        context.Response.StatusCode = Status;
        context.Response.ContentType = "application/json";
        context.Response.ContentLength = body.Length;
        exchange.Refused(Status);
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.Body.WriteAsync(body, context.RequestAborted);
        }
    }
}
