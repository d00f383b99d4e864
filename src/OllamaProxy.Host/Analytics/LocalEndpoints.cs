using OllamaProxy.Host.Access;
using OllamaProxy.Host.Dashboard;
using OllamaProxy.Host.Health;

namespace OllamaProxy.Host.Analytics;

/// <summary>The proxy's own paths, one row per method.</summary>
internal static class LocalEndpoints
{
    private const string Get = "GET";
    private const string Post = "POST";
    private const string Delete = "DELETE";

    public static IReadOnlyList<LocalEndpoint> All { get; } =
    [
        new(Get, "/analytics", "The dashboard for a browser (Accept: text/html), otherwise the list of these paths.",
            (http, _) => DashboardEndpoints.IndexAsync(http))
        {
            Json = static json => json.IndexJson, MediaTypes = ["application/json", "text/html"],
        },
        new(Get, "/analytics/stats", "The content of the store, and statistics of the matching records.", AnalyticsEndpoints.StatsAsync)
        {
            Json = static json => json.StatsJson, Parameters = QueryParameters.Stats,
        },
        new(Get, "/analytics/stats/enhanced", "Statistics in the original program's format.", AnalyticsEndpoints.EnhancedAsync)
        {
            Json = static json => json.EnhancedStatsJson, Parameters = QueryParameters.Enhanced, NeedsStore = true,
        },
        new(Get, "/analytics/search", "A page of the matching records.", AnalyticsEndpoints.SearchAsync)
        {
            Json = static json => json.SearchJson, Parameters = QueryParameters.Pages, NeedsStore = true,
        },
        new(Get, "/analytics/messages", "The same as a bare array; the next page is in the Link header.", AnalyticsEndpoints.MessagesAsync)
        {
            Json = static json => json.RecordJsonArray, Parameters = QueryParameters.Pages, NeedsStore = true,
        },
        new(Delete, "/analytics/messages", "Deletes the matching records permanently.", AnalyticsEndpoints.DeleteAllAsync)
        {
            Json = static json => json.DeletedJson, Parameters = QueryParameters.Delete, NeedsStore = true,
        },
        new(Get, "/analytics/messages/{id}", "One record.", AnalyticsEndpoints.MessageAsync)
        {
            Json = static json => json.RecordJson, Parameters = [QueryParameters.Id], NeedsStore = true, Problems = [404],
        },
        new(Delete, "/analytics/messages/{id}", "Deletes one record permanently.", AnalyticsEndpoints.DeleteAsync)
        {
            Json = static json => json.DeletedJson, Parameters = [QueryParameters.Id], NeedsStore = true, Problems = [404],
        },
        new(Get, "/analytics/models", "The requested models, in alphabetical order.", AnalyticsEndpoints.ModelsAsync)
        {
            Json = static json => json.StringArray, NeedsStore = true,
        },
        new(Get, "/analytics/export", "Every matching record as a file.", ExportEndpoint.AnswerAsync)
        {
            Parameters = QueryParameters.Export, NeedsStore = true, Problems = [404], MediaTypes = ["application/json", "text/csv", "application/x-ndjson"],
        },
        new(Get, "/analytics/ollama", "Ollama's state, version and loaded models.", AnalyticsEndpoints.OllamaAsync) { Json = static json => json.OllamaJson },
        new(Get, "/analytics/live", "Running and finished requests as they happen, as server-sent events.", LiveEndpoint.AnswerAsync)
        {
            MediaTypes = ["text/event-stream"],
        },
        new(Get, "/analytics/openapi.json", "This description.", (http, _) => OpenApiDocument.AnswerAsync(http)),
        new(Get, ReaderAccess.LoginPath, "A page with a form for the token.", (http, _) => LoginPage.ShowAsync(http))
        {
            IsOpen = true, MediaTypes = ["text/html"],
        },
        new(Post, ReaderAccess.LoginPath, "Exchanges the token of that form for a cookie.", (http, _) => LoginPage.LogInAsync(http))
        {
            IsOpen = true, Status = 303, MediaTypes = [], Problems = [429],
        },
        new(Post, "/analytics/logout", "Ends the session of the cookie.", (http, _) => LoginPage.LogOutAsync(http))
        {
            IsOpen = true, Status = 303, MediaTypes = [],
        },
        new(Get, "/test", "Whether Ollama answers, and its models.", (http, _) => TestEndpoint.AnswerAsync(http))
        {
            Json = static json => json.TestJson, AlsoAt = [503],
        },
    ];
}
