using System.Text.Json;

namespace OllamaProxy.TestKit;

/// <summary>A Grafana dashboard, read from its file.</summary>
internal static class Dashboard
{
    /// <summary>All panels, including those in collapsed rows.</summary>
    public static IEnumerable<JsonElement> Panels(JsonElement dashboard) =>
        dashboard.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.TryGetProperty("panels", out var inside) ? inside.EnumerateArray().Prepend(panel) : [panel]);
}
