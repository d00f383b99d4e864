using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Host.Access;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// One method of one of our own paths. The table of these (<see cref="LocalEndpoints.All"/>) maps the paths, lists their parameters, and generates the OpenAPI
/// document, so that the three cannot differ.
/// </summary>
/// <param name="Method">GET (which answers HEAD too), POST or DELETE.</param>
/// <param name="Path">May contain <c>{id}</c>, a record's key.</param>
/// <param name="Summary">One sentence.</param>
/// <param name="Answer">Handles the request once its parameters are valid.</param>
internal sealed record LocalEndpoint(string Method, string Path, string Summary, Func<HttpContext, QueryRequest, Task<IResult>> Answer)
{
    public IReadOnlyList<QueryParameter> Parameters { get; init; } = [];

    /// <summary>
    /// Finds the JSON type of a success response; null when it is not JSON. Only the OpenAPI document needs it, and creating all types takes time at the start.
    /// </summary>
    public Func<AnalyticsJson, JsonTypeInfo>? Json { get; init; }

    /// <summary>Media types of a success response.</summary>
    public IReadOnlyList<string> MediaTypes { get; init; } = ["application/json"];

    /// <summary>Statuses of its specific errors.</summary>
    public IReadOnlyList<int> Problems { get; init; } = [];

    /// <summary>The success status when it is not 200.</summary>
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>Other statuses with the same response.</summary>
    public IReadOnlyList<int> AlsoAt { get; init; } = [];

    /// <summary>True for the login page, which needs no token.</summary>
    public bool IsOpen { get; init; }

    /// <summary>True when it requires a store.</summary>
    public bool NeedsStore { get; init; }
}

/// <summary>Maps the table.</summary>
internal static partial class LocalEndpointMapping
{
    /// <summary>Enough for every form; other bodies are not read.</summary>
    private const long MaxBody = 64 * 1024;

    public static void MapLocal(this IEndpointRouteBuilder routes, IReadOnlyList<LocalEndpoint> table)
    {
        foreach (var path in table.GroupBy(endpoint => endpoint.Path))
        {
            LocalEndpoint[] methods = [.. path];
            routes.Map(path.Key, (RequestDelegate)(context => AnswerAsync(context, methods)));
        }

        routes.Map("/analytics/{**rest}", (RequestDelegate)(context => AnswerAsync(context, [])));
    }

    private static async Task AnswerAsync(HttpContext context, LocalEndpoint[] methods)
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
        // A store that is not available gives the reason, and logs it itself.
        catch (AnalyticsStoreException exception) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            SetHeaders(context.Response.Headers);
            await Answers.Problem(StatusCodes.Status503ServiceUnavailable, "Analytics are not available", exception.Message).ExecuteAsync(context);
        }
        // A locked or full store gets an error response and a log line.
        catch (Exception exception) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            Log.Failed(context.RequestServices.GetRequiredService<ILogger<LocalEndpoint>>(), exception, context.Request.Method, context.Request.Path);
            context.Response.Clear();
            SetHeaders(context.Response.Headers);
            await Answers.Problem(StatusCodes.Status500InternalServerError, "Internal error", "The log of the proxy has the reason.").ExecuteAsync(context);
        }
    }

    private static async Task<IResult> ResultAsync(HttpContext context, LocalEndpoint[] methods)
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
                ? Answers.Problem(StatusCodes.Status404NotFound, "No such path", "GET /analytics lists all paths.")
                : Answers.WrongMethod(context, methods);
        }

        var query = QueryRequest.Read(context.Request.Query, endpoint.Parameters);
        return query.Refusal ?? (endpoint.NeedsStore ? Answers.Off(context) : null) ?? await endpoint.Answer(context, query);
    }

    /// <summary>No caching, framing or content sniffing. Without CORS headers, pages of other sites read nothing.</summary>
    private static void SetHeaders(IHeaderDictionary headers)
    {
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers.XFrameOptions = "DENY";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        // With "no-referrer", the Origin of the login form would be "null".
        headers["Referrer-Policy"] = "same-origin";
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "{Method} {Path} failed.")]
        public static partial void Failed(ILogger logger, Exception exception, string method, string path);
    }
}
