namespace OllamaProxy.Host.Analytics;

/// <summary>The analytics API.</summary>
internal static class AnalyticsEndpoints
{
    public static void AddAnalyticsEndpoints(this IServiceCollection services)
    {
    }

    public static void MapAnalytics(this IEndpointRouteBuilder endpoints)
    {
    }
}
