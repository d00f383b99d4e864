using System.Globalization;
using MediatR;
using Microsoft.AspNetCore.WebUtilities;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Analytics;

/// <summary>The answers of the analytics API: parameters into a query, its result into JSON.</summary>
internal static class AnalyticsEndpoints
{
    private static readonly SearchRequestsValidator s_search = new();
    private static readonly DeleteRequestsValidator s_delete = new();
    private static readonly GetStatsValidator s_stats = new();

    /// <summary>By default, the original's statistics cover the last day.</summary>
    private const int EnhancedHours = 24;

    public static void AddAnalyticsEndpoints(this IServiceCollection services)
    {
        services.AddSingleton<ReaderSessions>();
        services.AddSingleton<ReaderAccess>();
        services.AddSingleton<LiveFeed>();
        // After the application's handlers, so that an announced record is counted and queued for the store.
    }

    public static Task<IResult> IndexAsync()
    {
        string[] paths = [.. LocalEndpoints.All.Select(endpoint => endpoint.Path).Distinct(), "/metrics", "/healthz"];
        return Task.FromResult<IResult>(TypedResults.Json(new IndexJson(paths), AnalyticsJson.Relaxed.IndexJson));
    }

    public static async Task<IResult> StatsAsync(HttpContext context, QueryRequest request)
    {
        var query = new GetStats(new StatsQuery(Range(context, request, null), request.Step, request.Top, request.SplitBy, request.Groups));
        return Both(request) ?? request.Check(query, s_stats) ?? TypedResults.Json(
            StatsJson.Of(await Mediator(context).Send(query, context.RequestAborted), LocalClient.Is(context)), AnalyticsJson.Relaxed.StatsJson);
    }

    public static async Task<IResult> EnhancedAsync(HttpContext context, QueryRequest request)
    {
        // The original recorded inferences only.
        var filter = Range(context, request, EnhancedHours);
        filter = request.SaysInference ? filter : filter with { IsInference = true };
        var query = new GetStats(new StatsQuery(filter, TimeSpan.FromHours(1), Groups: [StatDimension.Client, StatDimension.Model, StatDimension.Outcome]));
        return Both(request) ?? request.Check(query, s_stats) ?? TypedResults.Json(
            EnhancedStatsJson.Of(await Mediator(context).Send(query, context.RequestAborted)), AnalyticsJson.Relaxed.EnhancedStatsJson);
    }

    public static async Task<IResult> SearchAsync(HttpContext context, QueryRequest request)
    {
        var (refusal, results, next) = await PageAsync(context, request);
        return refusal ?? TypedResults.Json(new SearchJson(results, results.Length, next), AnalyticsJson.Relaxed.SearchJson);
    }

    public static async Task<IResult> MessagesAsync(HttpContext context, QueryRequest request)
    {
        var (refusal, results, _) = await PageAsync(context, request);
        return refusal ?? TypedResults.Json(results, AnalyticsJson.Relaxed.RecordJsonArray);
    }

    public static async Task<IResult> MessageAsync(HttpContext context, QueryRequest request)
    {
        if (KeyOf(context) is not { } key)
        {
            return WrongId();
        }

        var found = await Mediator(context).Send(new FindRequest(key), context.RequestAborted);
        return found.Record is { } record ? TypedResults.Json(new RecordJson(record, Models(context)), AnalyticsJson.Relaxed.RecordJson) : NoRecord(key);
    }

    public static async Task<IResult> DeleteAsync(HttpContext context, QueryRequest request)
    {
        if (KeyOf(context) is not { } key)
        {
            return WrongId();
        }

        var deleted = await Mediator(context).Send(new DeleteRequest(key), CancellationToken.None);
        return deleted.Deleted == 0 ? NoRecord(key) : TypedResults.Json(new DeletedJson(deleted.Deleted), AnalyticsJson.Relaxed.DeletedJson);
    }

    /// <summary>Continues when the client disconnects, so that a deletion is never partial.</summary>
    public static async Task<IResult> DeleteAllAsync(HttpContext context, QueryRequest request)
    {
        var command = new DeleteRequests(request.Filter, request.All);
        return request.Check(command, s_delete)
            ?? TypedResults.Json(new DeletedJson((await Mediator(context).Send(command, CancellationToken.None)).Deleted), AnalyticsJson.Relaxed.DeletedJson);
    }

    public static async Task<IResult> ModelsAsync(HttpContext context, QueryRequest request)
    {
        var found = await Mediator(context).Send(new ListModels(), context.RequestAborted);
        return TypedResults.Json([.. found.Models], AnalyticsJson.Relaxed.StringArray);
    }

    public static Task<IResult> OllamaAsync(HttpContext context, QueryRequest request)
    {
        var services = context.RequestServices;
        var answer = OllamaJson.Of(
            services.GetRequiredService<IOllamaProcessSupervisor>(), services.GetRequiredService<OllamaWatch>().Look(),
                services.GetRequiredService<RunningRequests>().CountByPhase());
        return Task.FromResult<IResult>(TypedResults.Json(answer, AnalyticsJson.Relaxed.OllamaJson));
    }

    public static IResult NoRecord(RecordKey key) => Answers.Problem(
        StatusCodes.Status404NotFound, "No such record", $"No record has the id {key}. It may have been deleted, or be older than ANALYTICS_RETENTION_DAYS.");

    public static IMediator Mediator(HttpContext context) => context.RequestServices.GetRequiredService<IMediator>();

    private static ModelNames Models(HttpContext context) => context.RequestServices.GetRequiredService<ModelNames>();

    private static async Task<(IResult? Refusal, RecordJson[] Results, string? Next)> PageAsync(HttpContext context, QueryRequest request)
    {
        var ascending = request.Ascending ?? request.SortsUp;
        var search = new SearchRequests(new RequestQuery
        {
            Filter = request.Filter,
            Order = request.Order,
            Ascending = ascending,
            Limit = request.Limit ?? SearchRequests.DefaultLimit,
            After = request.Cursor?.Place,
        });
        if (request.Check(search, s_search) is { } refusal)
        {
            return (refusal, [], null);
        }

        if (request.Cursor is { } cursor && (cursor.Order != request.Order || cursor.Ascending != ascending))
        {
            return (Answers.WrongParameters(new Dictionary<string,
                string[]> { ["cursor"] = ["belongs to another order; keep the sort and order of the previous page."] }), [], null);
        }

        var page = (await Mediator(context).Send(search, context.RequestAborted)).Page;
        var next = page.Next is { } place ? new PageCursor(request.Order, ascending, place).Encode() : null;
        if (next is not null)
        {
            context.Response.Headers.Link = $"<{NextPage(context.Request, next)}>; rel=\"next\"";
        }

        var models = Models(context);
        return (null, [.. page.Records.Select(record => new RecordJson(record, models))], next);
    }

    /// <summary>The same query after this page.</summary>
    private static string NextPage(HttpRequest request, string cursor)
    {
        var rest = request.Query.Where(pair => pair.Key != "cursor").SelectMany(pair => pair.Value, (pair, value) => KeyValuePair.Create(pair.Key, value));
        return QueryHelpers.AddQueryString(request.Path, rest.Append(KeyValuePair.Create("cursor", (string?)cursor)));
    }

    private static RequestFilter Range(HttpContext context, QueryRequest request, int? otherwise) =>
        request.Filter.From is null && (request.Hours ?? otherwise) is { } hours
            ? request.Filter with { From = (request.Filter.To ?? context.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow()).AddHours(-hours) }
            : request.Filter;

    private static IResult? Both(QueryRequest request) => request.Hours is not null && request.Filter.From is not null
        ? Answers.WrongParameters(new Dictionary<string, string[]> { ["hours"] = ["cannot be combined with start_time."] })
        : null;

    private static RecordKey? KeyOf(HttpContext context) => RecordKey.Parse((string)context.Request.RouteValues["id"]!);

    private static IResult WrongId() =>
        Answers.WrongParameters(new Dictionary<string, string[]> { ["id"] = ["must be a request_id (32 hexadecimal digits) or a whole number from 0."] });
}
