using System.IO.Compression;
using System.Text;
using Microsoft.Net.Http.Headers;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.Host.Telemetry;

/// <summary>Controls access to the exporter's page, and appends Ollama's own metrics. The exporter itself supports OpenMetrics and gzip.</summary>
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
                StatusCodes.Status401Unauthorized, "A token is required", "Send the value of METRICS_TOKEN as \"Authorization: Bearer ...\".");
        }
    }

    private async Task AnswerWithOllamaAsync(HttpContext context)
    {
        var asked = ollama.MetricsAsync(context.RequestAborted);
        var isCompressed = AcceptsGzip(context.Request);
        // The page must not be compressed when Ollama's metrics are appended.
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
        // OpenMetrics has different rules, and nothing may follow its end marker.
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
