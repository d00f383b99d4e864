using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Telemetry;

/// <summary>Every metric in a dashboard, a rule or a document is in the catalog, which another test compares with the code.</summary>
public sealed partial class GrafanaTests
{
    /// <summary>Recorded by the supervisor when it restarts Ollama.</summary>
    private const string Restarts = "ollama_restarts_total";

    /// <summary>Labels that Prometheus itself adds.</summary>
    private static readonly string[] s_own = ["le", "job", "instance", "alert", "alertname"];

    private static readonly string s_catalogue = File.ReadAllText(Repository.PathOf("docs", "metrics.md"));
    private static readonly string s_home = Regex.Match(File.ReadAllText(Repository.PathOf("Directory.Build.props")),
        "<RepositoryUrl>([^<]+)<").Groups[1].Value;
    private static readonly string s_rules = string.Join('\n', Directory.GetFiles(Repository.PathOf("grafana", "rules"), "*.yml").Select(File.ReadAllText));

    [Fact]
    public void Every_metric_and_label_in_the_dashboards_exists()
    {
        var expressions = Directory.EnumerateFiles(Repository.PathOf("grafana"), "*.json", SearchOption.AllDirectories).SelectMany(Expressions).ToArray();

        Assert.InRange(expressions.Length, 75, 500);
        Assert.All(expressions, expression =>
        {
            Assert.NotEmpty(Metric().Matches(expression));
            AssertExists(expression);
        });
    }

    [Fact]
    public void Every_metric_and_label_in_the_rules_exists_and_every_aggregate_is_recorded()
    {
        var lines = string.Join('\n', s_rules.Split('\n').Where(line => !line.TrimStart().StartsWith('#')));

        AssertExists(lines);
        var recorded = Recorded().Matches(s_rules).Select(match => match.Groups[1].Value).ToHashSet(StringComparer.Ordinal);
        Assert.All(Sum().Matches(lines).Select(match => match.Value), sum => Assert.Contains(sum, recorded));
    }

    [Fact]
    public void Every_alert_has_a_threshold_a_test_and_a_page_of_the_runbook()
    {
        var (runbook, tests) = (File.ReadAllText(Repository.PathOf("docs", "runbook.md")),
            File.ReadAllText(Repository.PathOf("grafana", "rules", "tests", "alerts_test.yml")));
        string[] alerts = [.. Alert().Matches(s_rules).Select(match => match.Groups[1].Value)];

        Assert.InRange(alerts.Length, 15, 100);
        Assert.All(alerts, alert =>
        {
            Assert.Contains($"\n## {alert}\n", runbook, StringComparison.Ordinal);
            Assert.Contains($"runbook_url: {s_home}/blob/main/docs/runbook.md#{alert.ToLowerInvariant()}\n", s_rules, StringComparison.Ordinal);
            Assert.Contains(alert, tests, StringComparison.Ordinal);
        });
        Assert.All(Threshold().Matches(s_rules), match => Assert.Contains($"labels: {{ alert: {match.Groups[1].Value} }}", s_rules, StringComparison.Ordinal));
        Assert.Equal(alerts.Length, Regex.Count(runbook, "(?m)^## "));
    }

    [Theory]
    [InlineData("docs/metrics.md")]
    [InlineData("docs/monitoring.md")]
    [InlineData("docs/kubernetes.md")]
    [InlineData("docs/runbook.md")]
    [InlineData("grafana/README.md")]
    [InlineData("README.md")]
    [InlineData("CHANGELOG.md")]
    public void Every_metric_a_document_names_exists(string document) =>
        Assert.All(
            Named().Matches(File.ReadAllText(Repository.PathOf(document))).Select(match => match.Groups[1].Value),
            metric => Assert.True(Exists(metric) || IsLabel(metric) || metric.EndsWith("_analytics", StringComparison.Ordinal), metric));

    [Fact]
    public void Links_use_existing_views_and_filters_of_the_page()
    {
        var filters = File.ReadAllText(Repository.PathOf("src", "OllamaProxy.Host", "Dashboard", "web", "src", "filters.ts"));
        var links = Directory.EnumerateFiles(Repository.PathOf("grafana"), "*.json", SearchOption.AllDirectories)
            .SelectMany(file => PageLink().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value).ToArray();

        Assert.InRange(links.Length, 15, 100);
        Assert.All(links.SelectMany(link => link.Split('&')), word => Assert.Contains($"'{word.Split('=')[0]}'", filters, StringComparison.Ordinal));
    }

    private static void AssertExists(string text)
    {
        Assert.All(Metric().Matches(text).Select(match => match.Value).Where(metric => !IsLabel(metric)), metric => Assert.True(Exists(metric), metric));
        var labels = Label().Matches(text).Select(match => match.Groups[1].Value)
            .Concat(Grouping().Matches(text).SelectMany(
                match => match.Groups[1].Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)));
        Assert.All(labels, label => Assert.True(s_own.Contains(label) || IsLabel(label), $"no label {label}"));
    }

    private static bool Exists(string metric) =>
        metric == Restarts
            || s_catalogue.Contains($"| `{Suffix().Replace(metric, "")}` |", StringComparison.Ordinal)
            || s_catalogue.Contains($"| `{metric}` |", StringComparison.Ordinal);

    /// <summary>True if the label is in a table of labels or among those of a metric.</summary>
    private static bool IsLabel(string label) => label == "reason" || Regex.IsMatch(s_catalogue, $@"(?m)^\|.*`{label}`[,| ]");

    /// <summary>The queries of panels, annotations and variables.</summary>
    private static IEnumerable<string> Expressions(string file)
    {
        var dashboard = JsonElement.Parse(File.ReadAllText(file));
        var panels = Dashboard.Panels(dashboard).Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray());
        return panels.Concat(dashboard.GetProperty("annotations").GetProperty("list").EnumerateArray()).Where(target => target.TryGetProperty("expr", out _))
            .Select(target => target.GetProperty("expr").GetString()!)
            .Concat(dashboard.GetProperty("templating").GetProperty("list").EnumerateArray().Where(
                variable => variable.TryGetProperty("definition", out _)).Select(variable => variable.GetProperty("definition").GetString()!));
    }

    [GeneratedRegex(@"\$\{proxy\}/analytics#/requests\?([^""]+)")]
    private static partial Regex PageLink();

    [GeneratedRegex("(?:ollama|dotnet)_[a-z_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("`((?:ollama|dotnet)_[a-z_]+)`")]
    private static partial Regex Named();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Suffix();

    [GeneratedRegex("""[{,]([a-z_]+)(?:=~|!~|!=|=)["]""")]
    private static partial Regex Label();

    [GeneratedRegex(@"\b(?:by|on|without|ignoring) \(([a-z_, ]*)\)")]
    private static partial Regex Grouping();

    [GeneratedRegex(@"ollama:[a-z_0-9:]+")]
    private static partial Regex Sum();

    [GeneratedRegex("""record: "?(ollama:[a-z_0-9:]+)""")]
    private static partial Regex Recorded();

    [GeneratedRegex(@"- alert: (\w+)")]
    private static partial Regex Alert();

    [GeneratedRegex("""threshold\{alert="(\w+)"\}""")]
    private static partial Regex Threshold();
}
