using System.IO.Compression;
using System.Text;
using Microsoft.Net.Http.Headers;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.Host.Telemetry;

/// <summary>What stands around the exporter's page: who may read it, and Ollama's own metrics behind ours. The exporter itself speaks OpenMetrics and gzip.</summary>
internal sealed class MetricsAnswer(RequestDelegate exporter, ScrapeOptions options, AccessToken token, IOllamaClient ollama)
{
    public Task InvokeAsync(HttpContext context)
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.Headers.Allow = "GET, HEAD";
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }

        if (token.IsSet && Refuse(context) is { } refusal)
        {
            return refusal.ExecuteAsync(context);
        }

        return options.AppendsOllama ? AnswerWithOllamaAsync(context) : exporter(context);
    }

    private IResult? Refuse(HttpContext context)
    {
        return AccessToken.BearerOf(context) is { } bearer ? token.Refuse(context, bearer, Unauthorized) : Unauthorized();

        IResult Unauthorized()
        {
            context.Response.Headers.WWWAuthenticate = "Bearer realm=\"ollama-proxy metrics\"";
            return Answers.Problem(
                StatusCodes.Status401Unauthorized, "The token is needed", "Send the value of METRICS_TOKEN as \"Authorization: Bearer ...\".");
        }
    }

    private async Task AnswerWithOllamaAsync(HttpContext context)
    {
        var asked = ollama.MetricsAsync(context.RequestAborted);
        var isCompressed = AcceptsGzip(context.Request);
        // What is to be read and added to must come plain.
        context.Request.Headers.AcceptEncoding = default;
        var body = context.Response.Body;
        using var page = new MemoryStream();
        context.Response.Body = page;
        try
        {
            await exporter(context);
        }
        finally
        {
            context.Response.Body = body;
        }

        var theirs = (await asked).Value;
        // OpenMetrics has rules of its own, and an end behind which nothing may follow.
        if (context.Response.ContentType?.StartsWith("text/plain", StringComparison.Ordinal) == true)
        {
            page.Write(Encoding.UTF8.GetBytes(OllamaFamilies.Rest(Encoding.UTF8.GetString(page.GetBuffer(), 0, (int)page.Length), theirs)));
        }

        page.Position = 0;
        if (!isCompressed)
        {
            await page.CopyToAsync(body, context.RequestAborted);
            return;
        }

        context.Response.Headers.ContentEncoding = "gzip";
        await using var gzip = new GZipStream(body, CompressionLevel.Fastest, leaveOpen: true);
        await page.CopyToAsync(gzip, context.RequestAborted);
    }

    private static bool AcceptsGzip(HttpRequest request) =>
        StringWithQualityHeaderValue.TryParseList(request.Headers.AcceptEncoding, out var codings)
        && codings.Any(coding => coding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase) && coding.Quality is null or > 0);
}
