using System.Net.Sockets;
using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary><c>ollama-proxy demo</c> as a process, as a new user starts it.</summary>
public sealed partial class DemoTests
{
    [Fact]
    public async Task Every_panel_of_Grafana_and_of_the_page_has_data_and_the_terminal_stays_quiet()
    {
        Assert.SkipUnless(AnalyticsBackends.Names.Contains("sqlite"), "This build has no SQLite store.");
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows cannot send SIGINT to another process.");
        var dashboard = Repository.PathOf("grafana", "provisioning", "dashboards", "grafana_ollama_dashboard.json");
        var wanted = Metric().Matches(await File.ReadAllTextAsync(dashboard, TestContext.Current.CancellationToken))
            .Select(match => match.Value).Where(name => name != "ollama_version").ToHashSet(StringComparer.Ordinal);
        await using var demo = await ProxyProcess.StartAsync(new Dictionary<string, string?> { ["ANALYTICS_BACKEND"] = "sqlite" }, "demo");
        using var client = new HttpClient { BaseAddress = demo.Address };

        await Eventually.TrueAsync(
            async () =>
            {
                var names = Series().Matches(await client.GetStringAsync("/metrics")).Select(match => match.Value).ToHashSet(StringComparer.Ordinal);
                return wanted.IsSubsetOf(names);
            },
            Patience.Limit);
        var stats = JsonElement.Parse(await client.GetStringAsync("/analytics/stats?hours=168"));
        var total = stats.GetProperty("total");
        var found = JsonElement.Parse(await client.GetStringAsync("/analytics/search?client=192.168.1.44&limit=1")).GetProperty("results");
        await demo.SignalAsync("INT");

        Assert.Equal(0, await demo.ExitAsync());
        Assert.InRange(wanted.Count, 40, 100);
        Assert.InRange(total.GetProperty("error").GetDouble() / total.GetProperty("requests").GetDouble(), 0.005, 0.04);
        Assert.All(["loads", "truncated", "cancelled", "cached_input_tokens"], name => Assert.True(total.GetProperty(name).GetInt64() > 0, name));
        Assert.All(["models", "categories", "endpoints", "clients", "applications"], name => Assert.True(stats.GetProperty(name).GetArrayLength() > 1, name));
        Assert.Equal("claude-code", found[0].GetProperty("application").GetString());
        Assert.DoesNotContain("OLLAMA_BACKEND_URL", demo.Output, StringComparison.Ordinal);
        Assert.InRange(demo.Output.Split('\n').Length, 6, 12);
    }

    [Fact]
    public async Task A_port_that_is_in_use_makes_the_demo_take_a_free_one_unless_it_was_asked_for()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            holder.Bind(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 11434));
            holder.Listen();
        }
        // Another program on this machine already listens on the port, which serves the test as well.
        catch (SocketException)
        {
        }

        await using var demo = await ProxyProcess.StartAsync(new Dictionary<string, string?> { ["PROXY_PORT"] = "", ["PROXY_HOST"] = "" }, "demo");
        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?> { ["PROXY_PORT"] = "11434" }, "demo");

        Assert.NotEqual(11434, demo.Address.Port);
        Assert.Contains("uses port 11434, so the demo took a free one", demo.Output, StringComparison.Ordinal);
        Assert.Equal(2, code);
        Assert.Contains("Port 11434 is in use", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_explicit_log_level_enables_the_log()
    {
        await using var demo = await ProxyProcess.StartAsync(new Dictionary<string, string?> { ["LOG_LEVEL"] = "info" }, "demo");

        await Eventually.TrueAsync(() => demo.Output.Contains("/api/chat", StringComparison.Ordinal), Patience.Limit);
    }

    [GeneratedRegex(@"\b(?:ollama|dotnet)_[a-z_]+\b")]
    private static partial Regex Metric();

    [GeneratedRegex("^[a-z_]+", RegexOptions.Multiline)]
    private static partial Regex Series();
}
