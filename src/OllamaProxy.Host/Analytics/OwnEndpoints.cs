using OllamaProxy.Host.Access;
using OllamaProxy.Host.Dashboard;
using OllamaProxy.Host.Health;

namespace OllamaProxy.Host.Analytics;

/// <summary>The table of our own paths. Adding one is one row.</summary>
internal static class OwnEndpoints
{
    private const string Get = "GET";
    private const string Post = "POST";
    private const string Delete = "DELETE";

    private static readonly AnalyticsJson s_json = AnalyticsJson.Relaxed;

    public static IReadOnlyList<OwnEndpoint> All { get; } =
    [
        new(Get, "/analytics", "The dashboard for a browser (Accept: text/html); for others the list of these paths.", (http, _) => DashboardEndpoints.IndexAsync(http))
        {
            Json = s_json.IndexJson, MediaTypes = ["application/json", "text/html"],
        },
        new(Get, "/analytics/stats", "What the store holds, and statistics of the matching records.", AnalyticsEndpoints.StatsAsync) { Json = s_json.StatsJson, Parameters = QueryParameters.Stats },
        new(Get, "/analytics/stats/enhanced", "Statistics in the original program's shape.", AnalyticsEndpoints.EnhancedAsync)
        {
            Json = s_json.EnhancedStatsJson, Parameters = QueryParameters.Enhanced, NeedsStore = true,
        },
        new(Get, "/analytics/search", "A page of the matching records.", AnalyticsEndpoints.SearchAsync) { Json = s_json.SearchJson, Parameters = QueryParameters.Pages, NeedsStore = true },
        new(Get, "/analytics/messages", "The same as a bare array; the next page is in the Link header.", AnalyticsEndpoints.MessagesAsync)
        {
            Json = s_json.RecordJsonArray, Parameters = QueryParameters.Pages, NeedsStore = true,
        },
        new(Delete, "/analytics/messages", "Removes the matching records for good.", AnalyticsEndpoints.DeleteAllAsync) { Json = s_json.DeletedJson, Parameters = QueryParameters.Delete, NeedsStore = true },
        new(Get, "/analytics/messages/{id}", "One record.", AnalyticsEndpoints.MessageAsync) { Json = s_json.RecordJson, Parameters = [QueryParameters.Id], NeedsStore = true, Problems = [404] },
        new(Delete, "/analytics/messages/{id}", "Removes one record for good.", AnalyticsEndpoints.DeleteAsync) { Json = s_json.DeletedJson, Parameters = [QueryParameters.Id], NeedsStore = true, Problems = [404] },
        new(Get, "/analytics/models", "The models that were asked for, in alphabetical order.", AnalyticsEndpoints.ModelsAsync) { Json = s_json.StringArray, NeedsStore = true },
        new(Get, "/analytics/export", "Every matching record as a file.", ExportEndpoint.AnswerAsync)
        {
            Parameters = QueryParameters.Export, NeedsStore = true, Problems = [404], MediaTypes = ["application/json", "text/csv", "application/x-ndjson"],
        },
        new(Get, "/analytics/ollama", "What is known of Ollama: state, version, loaded models.", AnalyticsEndpoints.OllamaAsync) { Json = s_json.OllamaJson },
        new(Get, "/analytics/live", "Running and finished requests as they happen, as server-sent events.", LiveEndpoint.AnswerAsync) { MediaTypes = ["text/event-stream"] },
        new(Get, "/analytics/openapi.json", "This description.", (http, _) => OpenApiDocument.AnswerAsync(http)),
        new(Get, ReaderAccess.LoginPath, "A page where a person types the token.", (http, _) => LoginPage.ShowAsync(http)) { IsOpen = true, MediaTypes = ["text/html"] },
        new(Post, ReaderAccess.LoginPath, "Takes the token of that page, and gives a cookie for it.", (http, _) => LoginPage.LogInAsync(http)) { IsOpen = true, Status = 303, MediaTypes = [], Problems = [429] },
        new(Post, "/analytics/logout", "Takes the cookie back.", (http, _) => LoginPage.LogOutAsync(http)) { IsOpen = true, Status = 303, MediaTypes = [] },
        new(Get, "/test", "Whether Ollama answers, and its models.", (http, _) => TestEndpoint.AnswerAsync(http)) { Json = s_json.TestJson, AlsoAt = [503] },
    ];
}
