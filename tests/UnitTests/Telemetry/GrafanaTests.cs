using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Telemetry;

/// <summary>No dead panels: what a dashboard asks for is what the documentation lists, which another test holds against the code.</summary>
public sealed partial class GrafanaTests
{
    private static readonly string s_catalogue = File.ReadAllText(Repository.PathOf("docs", "metrics.md"));

    [Fact]
    public void Every_metric_and_label_in_the_dashboards_exists()
    {
        var expressions = Directory.EnumerateFiles(Repository.PathOf("grafana"), "*.json", SearchOption.AllDirectories).SelectMany(Expressions).ToArray();

        Assert.NotEmpty(expressions);
        Assert.All(expressions, expression =>
        {
            var metrics = Metric().Matches(expression).Select(match => Suffix().Replace(match.Value, "")).ToArray();
            Assert.NotEmpty(metrics);
            Assert.All(metrics, metric => Assert.Contains($"| `{metric}`", s_catalogue, StringComparison.Ordinal));
            Assert.All(
                Label().Matches(expression).Select(match => match.Groups[1].Value),
                label => Assert.True(label == "le" || s_catalogue.Contains($"| `{label}` |", StringComparison.Ordinal), $"no label {label}: {expression}"));
        });
    }

    private static IEnumerable<string> Expressions(string file)
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(file));
        foreach (var panel in dashboard.RootElement.GetProperty("panels").EnumerateArray())
        {
            foreach (var target in panel.GetProperty("targets").EnumerateArray())
            {
                yield return target.GetProperty("expr").GetString()!;
            }
        }
    }

    [GeneratedRegex("ollama_[a-z_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Suffix();

    [GeneratedRegex("""[{,]([a-z_]+)(?:=~|!~|!=|=)["]""")]
    private static partial Regex Label();
}
