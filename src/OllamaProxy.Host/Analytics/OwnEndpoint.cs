using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Host.Access;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// One method of one of our own paths. The table of these (<see cref="OwnEndpoints.All"/>) maps the paths, says which parameters there are, and is what the
/// OpenAPI document is written from, so that none of the three can say something else.
/// </summary>
/// <param name="Method">GET (which answers HEAD too), POST or DELETE.</param>
/// <param name="Path">With <c>{id}</c> where a number stands.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Answer">Does it, once the parameters are right.</param>
internal sealed record OwnEndpoint(string Method, string Path, string Summary, Func<HttpContext, QueryRequest, Task<IResult>> Answer)
{
    public IReadOnlyList<QueryParameter> Parameters { get; init; } = [];

    /// <summary>The JSON of a good answer; null when it is no JSON.</summary>
    public JsonTypeInfo? Json { get; init; }

    /// <summary>Media types of a good answer.</summary>
    public IReadOnlyList<string> MediaTypes { get; init; } = ["application/json"];

    /// <summary>Statuses of errors that are particular to it.</summary>
    public IReadOnlyList<int> Problems { get; init; } = [];

    /// <summary>A status of a good answer that is not 200.</summary>
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>Other statuses with the same answer.</summary>
    public IReadOnlyList<int> AlsoAt { get; init; } = [];

    /// <summary>True for what needs no token: the page where it is typed.</summary>
    public bool IsOpen { get; init; }

    /// <summary>True when it has nothing to say while nothing is recorded.</summary>
    public bool NeedsStore { get; init; }
}

/// <summary>Maps the table.</summary>
internal static partial class OwnEndpointMapping
{
    /// <summary>None of our forms is longer; what else is sent with a request is not looked at.</summary>
    private const long MaxBody = 64 * 1024;

    public static void MapOwn(this IEndpointRouteBuilder routes, IReadOnlyList<OwnEndpoint> table)
    {
        foreach (var path in table.GroupBy(endpoint => endpoint.Path))
        {
            OwnEndpoint[] methods = [.. path];
            routes.Map(path.Key, (RequestDelegate)(context => AnswerAsync(context, methods)));
        }

        routes.Map("/analytics/{**rest}", (RequestDelegate)(context => AnswerAsync(context, [])));
    }

    private static async Task AnswerAsync(HttpContext context, OwnEndpoint[] methods)
    {
        SetHeaders(context.Response.Headers);
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } body)
        {
            body.MaxRequestBodySize = MaxBody;
        }

        try
        {
            var result = await ResultAsync(context, methods);
            await result.ExecuteAsync(context);
        }
        // A store that cannot be asked at present says why; its own log lines do, too.
        catch (AnalyticsStoreException exception) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            SetHeaders(context.Response.Headers);
            await Answers.Problem(StatusCodes.Status503ServiceUnavailable, "Analytics are not available", exception.Message).ExecuteAsync(context);
        }
        // A store that is locked or full is a plain answer, and a line in the log.
        catch (Exception exception) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            Log.Failed(context.RequestServices.GetRequiredService<ILogger<OwnEndpoint>>(), exception, context.Request.Method, context.Request.Path);
            context.Response.Clear();
            SetHeaders(context.Response.Headers);
            await Answers.Problem(StatusCodes.Status500InternalServerError, "The answer could not be made", "The log of the proxy says why.").ExecuteAsync(context);
        }
    }

    private static async Task<IResult> ResultAsync(HttpContext context, OwnEndpoint[] methods)
    {
        var access = context.RequestServices.GetRequiredService<ReaderAccess>();
        var method = HttpMethods.IsHead(context.Request.Method) ? HttpMethods.Get : context.Request.Method;
        var endpoint = Array.Find(methods, endpoint => endpoint.Method == method);
        if ((endpoint?.IsOpen == true ? access.RefuseForeign(context) : access.Refuse(context)) is { } refusal)
        {
            return refusal;
        }

        if (endpoint is null)
        {
            return methods.Length == 0
                ? Answers.Problem(StatusCodes.Status404NotFound, "There is no such path", "GET /analytics lists the paths there are.")
                : Answers.WrongMethod(context, methods);
        }

        var query = QueryRequest.Read(context.Request.Query, endpoint.Parameters);
        return query.Refusal ?? (endpoint.NeedsStore ? Answers.Off(context) : null) ?? await endpoint.Answer(context, query);
    }

    /// <summary>Nothing of it is kept by a browser, framed, or taken for something else. No CORS header: other sites' pages see nothing.</summary>
    private static void SetHeaders(IHeaderDictionary headers)
    {
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        // Not "no-referrer": the Origin of our own form would be "null" then.
        headers["Referrer-Policy"] = "same-origin";
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "{Method} {Path} failed.")]
        public static partial void Failed(ILogger logger, Exception exception, string method, string path);
    }
}
