using System.Text.Json;

namespace OllamaProxy.TestKit;

/// <summary>A Grafana dashboard as its file describes it.</summary>
internal static class Dashboard
{
    /// <summary>Every panel, those inside collapsed rows included.</summary>
    public static IEnumerable<JsonElement> Panels(JsonElement dashboard) =>
        dashboard.GetProperty("panels").EnumerateArray()
            .SelectMany(panel => panel.TryGetProperty("panels", out var inside) ? inside.EnumerateArray().Prepend(panel) : [panel]);
}
