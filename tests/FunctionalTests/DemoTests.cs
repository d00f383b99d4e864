using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary><c>ollama-proxy demo</c> as a process, as a new user starts it.</summary>
public sealed class DemoTests
{
    [Fact]
    public async Task The_demonstration_fills_metrics_and_analytics_and_ends_cleanly()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no SIGINT to send to another process.");
        // The harness turns the store off; the demonstration shall run with the one it has by default.
        var backend = AnalyticsBackends.Names.Contains("sqlite") ? "sqlite" : "none";
        await using var demo = await ProxyProcess.StartAsync(new Dictionary<string, string?> { ["ANALYTICS_BACKEND"] = backend }, "demo");
        using var client = new HttpClient { BaseAddress = demo.Address };

        await Eventually.TrueAsync(
            async () =>
            {
                var metrics = await client.GetStringAsync(new Uri("/metrics", UriKind.Relative));
                string[] models = ["llama3.2:3b", "qwen3:8b", "gemma3:12b", "deepseek-r1:14b", "nomic-embed-text"];
                return models.Count(model => metrics.Contains($"model=\"{model}", StringComparison.Ordinal)) >= 3
                    && metrics.Contains("status=\"error\"", StringComparison.Ordinal)
                    && metrics.Contains("status=\"cancelled\"", StringComparison.Ordinal);
            },
            TimeSpan.FromSeconds(90));
        await Eventually.TrueAsync(async () => backend == "none" || (await client.GetStringAsync(new Uri("/analytics/search?limit=50", UriKind.Relative))).Contains("qwen3", StringComparison.Ordinal));
        await demo.SignalAsync("INT");

        Assert.Equal(0, await demo.ExitAsync());
        Assert.DoesNotContain("Unhandled", demo.Output, StringComparison.Ordinal);
        Assert.Contains("This is a demonstration", demo.Output, StringComparison.Ordinal);
    }
}
