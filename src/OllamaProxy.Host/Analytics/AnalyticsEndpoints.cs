using MediatR;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>The analytics API.</summary>
internal static class AnalyticsEndpoints
{
    private static readonly SearchRequestsValidator s_search = new();
    private static readonly ExportRequestsValidator s_export = new();

    public static void AddAnalyticsEndpoints(this IServiceCollection services)
    {
    }

    public static void MapAnalytics(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapOwn("/analytics", static _ => Task.FromResult<IResult>(TypedResults.Json(
            new IndexJson(["/analytics/stats", "/analytics/search", "/analytics/export", "/metrics", "/test", "/healthz"]), AnalyticsJson.Relaxed.IndexJson)));
        endpoints.MapOwn("/analytics/stats", StatsAsync);
        endpoints.MapOwn("/analytics/search", SearchAsync);
        endpoints.MapOwn("/analytics/export", ExportAsync);
    }

    /// <summary>One path for this machine, GET only.</summary>
    public static void MapOwn(this IEndpointRouteBuilder endpoints, string path, Func<HttpContext, Task<IResult>> answer) =>
        endpoints.Map(path, (RequestDelegate)(async context =>
        {
            context.Response.Headers.XContentTypeOptions = "nosniff";
            context.Response.Headers.CacheControl = "no-store";
            var result = LocalOnly.WhyNot(context) is { } reason ? Answers.Problem(StatusCodes.Status403Forbidden, "Only for this machine", reason)
                : HttpMethods.IsGet(context.Request.Method) ? await answer(context)
                : Answers.WrongMethod(context);
            await result.ExecuteAsync(context);
        }));

    private static async Task<IResult> StatsAsync(HttpContext context)
    {
        var (store, queued) = await Mediator(context).Send(new GetStats(), context.RequestAborted);
        return TypedResults.Json(
            new StatsJson(store.Backend, store.DataDirectory, queued, store.TotalRecords, store.SizeBytes, store.Oldest, store.Newest), AnalyticsJson.Relaxed.StatsJson);
    }

    private static async Task<IResult> SearchAsync(HttpContext context)
    {
        var query = new QueryFilter(context.Request.Query);
        var search = new SearchRequests(new RequestQuery { Filter = query.Filter, Limit = query.Limit(SearchRequests.DefaultLimit) });
        if ((query.Check(search, s_search) ?? Off(context)) is { } refusal)
        {
            return refusal;
        }

        var found = await Mediator(context).Send(search, context.RequestAborted);
        RecordJson[] results = [.. found.Page.Records.Select(RecordJson.Of)];
        return TypedResults.Json(new SearchJson(results, results.Length), AnalyticsJson.Relaxed.SearchJson);
    }

    private static async Task<IResult> ExportAsync(HttpContext context)
    {
        var query = new QueryFilter(context.Request.Query);
        var export = new ExportRequests(query.Filter, query.Value("format") ?? "json");
        if ((query.Check(export, s_export) ?? Off(context)) is { } refusal)
        {
            return refusal;
        }

        var found = await Mediator(context).Send(export, context.RequestAborted);
        return new ExportAnswer(found.Records, export.Format);
    }

    private static IResult? Off(HttpContext context) => context.RequestServices.GetRequiredService<IAnalyticsStore>().Remembers
        ? null
        : Answers.Problem(StatusCodes.Status503ServiceUnavailable, "Analytics are off", "Nothing is recorded because ANALYTICS_BACKEND is none. Start the proxy with ANALYTICS_BACKEND=sqlite to turn it on.");

    private static IMediator Mediator(HttpContext context) => context.RequestServices.GetRequiredService<IMediator>();
}
