using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using OllamaProxy.FunctionalTests.Kubernetes;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The program as scraped by a real Prometheus server: its values are right, and no panel or rule is without data.</summary>
public sealed partial class PrometheusTests(ScrapedTraffic traffic) : IClassFixture<ScrapedTraffic>
{
    [Fact]
    public async Task The_values_in_prometheus_equal_the_requests_sent()
    {
        Skip();
        foreach (var ((endpoint, status), count) in traffic.Sent)
        {
            Assert.Equal(($"{endpoint} {status}", count),
                ($"{endpoint} {status}", await traffic.Prometheus.ValueAsync($$"""sum(ollama_requests_total{endpoint="{{endpoint}}",status="{{status}}"})""")));
        }

        await AssertSumAsync(traffic.Sent.Values.Sum(), "ollama_request_duration_seconds_count");
        await AssertSumAsync(traffic.PromptTokens, "ollama_prompt_tokens_total");
        await AssertSumAsync(traffic.CachedTokens, "ollama_cached_prompt_tokens_total");
        await AssertSumAsync(traffic.GeneratedTokens + await CutTokensAsync(), "ollama_generated_tokens_total");
        await AssertSumAsync(2, """ollama_prompt_truncated_total{confidence="certain",model="tiny:latest"}""");
        await AssertSumAsync(2, """ollama_rejected_total{reason="queue_full",endpoint="generate"}""");
        await AssertSumAsync(2, """ollama_request_errors_total{error_type="model_not_found",model="other"}""");
        await AssertSumAsync(2, """ollama_request_errors_total{error_type="upstream_unreachable"}""");
        await AssertSumAsync(2, """ollama_request_errors_total{error_type="mid_stream"}""");
        await AssertSumAsync(6, """ollama_request_errors_total{error_type="client_abort"}""");
        Assert.InRange(await traffic.Prometheus.ValueAsync("""sum(ollama_model_loads_total{cause="restart"})"""), 2, 8);
        await AssertSumAsync(2, """ollama_proxy_parse_failures_total{reason="malformed"}""");
        await AssertSumAsync(traffic.Sent.Values.Sum(), "ollama_proxy_records_written_total");
        Assert.Equal(0.5, await traffic.Prometheus.ValueAsync("""ollama_model_gpu_ratio{model="tiny:latest"}"""), 3);
        await AssertSumAsync(1, """ollama_up{job="ollama-proxy"}""");
        await AssertSumAsync(1, """ollama_restarts_total{reason="exited"}""");
    }

    [Fact]
    public async Task Every_query_of_every_dashboard_returns_data()
    {
        Skip();
        var queries = DashboardQueries().ToArray();
        Assert.InRange(queries.Length, 75, 500);
        Assert.Empty(await WithoutDataAsync(queries));
    }

    [Fact]
    public async Task Every_rule_returns_data()
    {
        Skip();
        var rules = await traffic.Prometheus.RulesAsync();
        // An alert has data only while it fires; with "bool" it gives 0 or 1, provided that its metrics exist.
        var queries = rules
            .Select(rule => (rule.Name, rule.IsAlert ? Comparison().Replace(rule.Expression, " $1 bool ") : rule.Expression)).ToArray();

        Assert.InRange(rules.Length, 45, 500);
        Assert.Empty(await WithoutDataAsync(queries));
    }

    [Fact]
    public async Task Every_query_that_scales_in_Kubernetes_returns_data()
    {
        Skip();
        var scaled = (await Kustomization.RenderAsync("overlays/keda")).One("ScaledObject", "ollama-proxy");
        var queries = scaled.At("spec", "triggers").EnumerateArray()
            .Select(trigger => (trigger.At("name").GetString()!, trigger.At("metadata", "query").GetString()!)).ToArray();

        Assert.Equal(2, queries.Length);
        Assert.Empty(await WithoutDataAsync(queries));
    }

    [Theory]
    [InlineData("OllamaPromptsTruncated")]
    [InlineData("OllamaRejecting")]
    [InlineData("OllamaErrorRateHigh")]
    [InlineData("OllamaModelOnCPU")]
    [InlineData("OllamaProxySeriesLimited")]
    public async Task The_provoked_conditions_fire_their_alerts(string name)
    {
        Skip();
        await Eventually.TrueAsync(async () => (await traffic.Prometheus.QueryAsync($$"""ALERTS{alertname="{{name}}"}""")).Length > 0);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("text/plain;version=0.0.4")]
    public async Task The_metrics_page_passes_promtool(string? accept)
    {
        Skip();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        if (accept is not null)
        {
            request.Headers.TryAddWithoutValidation("Accept", accept);
        }

        using var answer = await traffic.Proxy.Client.SendAsync(request);
        Assert.Equal((0, ""), await PrometheusTools.PromtoolAsync(await answer.Content.ReadAsStringAsync(), "check", "metrics"));
    }

    [Fact]
    public async Task The_rules_and_their_tests_pass_promtool()
    {
        Skip();
        var rules = Directory.GetFiles(Repository.PathOf("grafana", "rules"), "*.yml");
        var (checkedCode, said) = await PrometheusTools.PromtoolAsync(null, ["check", "rules", .. rules]);
        Assert.True(checkedCode == 0, said);
        string[] files = ["prometheus.yml", "prometheus.compose.yml"];
        var (configuration, complaint) = await PrometheusTools.PromtoolAsync(
            null, ["check", "config", .. files.Select(file => Repository.PathOf("grafana", file))]);
        Assert.True(configuration == 0, complaint);
        var (tested, failures) = await PrometheusTools.PromtoolAsync(null,
            ["test", "rules", .. Directory.GetFiles(Repository.PathOf("grafana", "rules", "tests"))]);
        Assert.True(tested == 0, failures);
    }

    [Fact]
    public async Task The_dashboards_match_grafanas_schema()
    {
        var folder = Repository.PathOf("tests", "grafana");
        Assert.True(Directory.Exists(Path.Combine(folder, "node_modules")),
            $"Grafana's schema is not installed: run `npm ci` in {folder}, or ./build.sh test, which does it.");
        using var node = Process.Start(
            new ProcessStartInfo("node", ["validate.mjs", .. Directory.EnumerateFiles(Repository.PathOf("grafana"), "*.json", SearchOption.AllDirectories)])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
        })!;
        Assert.Equal("", await node.StandardOutput.ReadToEndAsync());
        await node.WaitForExitAsync();
        Assert.Equal(0, node.ExitCode);
    }

    [Fact]
    public async Task The_panels_on_the_analytics_api_find_their_rows_and_columns()
    {
        Skip();
        var targets = Targets().Where(target => target.TryGetProperty("root_selector", out _)).ToArray();
        Assert.Equal(3, targets.Length);
        foreach (var target in targets)
        {
            var url = target.GetProperty("url").GetString()!
                .Replace("${__from:date:iso}",
                    DateTimeOffset.UnixEpoch.ToString("O", System.Globalization.CultureInfo.InvariantCulture)
                    .Replace("+00:00", "Z", StringComparison.Ordinal), StringComparison.Ordinal)
                .Replace("${__to:date:iso}", "2100-01-01T00:00:00.000Z", StringComparison.Ordinal);
            var answer = await traffic.Proxy.GetAsync(url);
            JsonElement[] rows = [.. answer.GetProperty(target.GetProperty("root_selector").GetString()!).EnumerateArray()];
            Assert.NotEmpty(rows);
            Assert.All(rows, row => Assert.All(target.GetProperty("columns").EnumerateArray(), column => AssertColumn(row, column)));
        }
    }

    private async Task AssertSumAsync(double expected, string metric) =>
        Assert.Equal((metric, expected), (metric, await traffic.Prometheus.ValueAsync($"sum({metric})")));

    /// <summary>Tokens of cut streams: counted by chunks, and never reported to the client.</summary>
    private async Task<double> CutTokensAsync()
    {
        var answer = await traffic.Proxy.GetAsync("/analytics/search?limit=1000");
        return answer.GetProperty("results").EnumerateArray()
            .Where(record => record.GetProperty("status").GetString() != "success" && record.GetProperty("output_tokens").ValueKind == JsonValueKind.Number)
            .Sum(record => record.GetProperty("output_tokens").GetInt32());
    }

    private static void AssertColumn(JsonElement row, JsonElement column)
    {
        var value = column.GetProperty("selector").GetString()!.Split('.').Aggregate(row, (at, name) => at.GetProperty(name));
        Assert.Contains(value.ValueKind,
            column.GetProperty("type").GetString() == "number" ? [JsonValueKind.Number] : (JsonValueKind[])[JsonValueKind.String, JsonValueKind.Null]);
    }

    /// <summary>The queries that give no series with a value.</summary>
    private async Task<List<string>> WithoutDataAsync(IEnumerable<(string Name, string Expression)> queries)
    {
        List<string> without = [];
        var watch = Stopwatch.StartNew();
        foreach (var (name, expression) in queries)
        {
            try
            {
                await Eventually.TrueAsync(async () => (await traffic.Prometheus.QueryAsync(expression)).Any(series => double.IsFinite(series.Value)),
                    Patience.Limit - watch.Elapsed);
            }
            catch (TimeoutException)
            {
                without.Add($"{name}: {expression}");
            }
        }

        return without;
    }

    /// <summary>Every expression of the panels, annotations and variables, as Grafana would send it.</summary>
    private static IEnumerable<(string Name, string Expression)> DashboardQueries()
    {
        foreach (var dashboard in Dashboards())
        {
            var panels =
                from panel in Dashboard.Panels(dashboard)
                where panel.TryGetProperty("targets", out _)
                from target in panel.GetProperty("targets").EnumerateArray()
                where target.TryGetProperty("expr", out _)
                select (panel.GetProperty("title").GetString()!, target.GetProperty("expr").GetString()!);
            var annotations = dashboard.GetProperty("annotations").GetProperty("list").EnumerateArray()
                .Select(note => (note.GetProperty("name").GetString()!, note.GetProperty("expr").GetString()!));
            var variables =
                from variable in dashboard.GetProperty("templating").GetProperty("list").EnumerateArray()
                where variable.GetProperty("type").GetString() == "query"
                select (variable.GetProperty("name").GetString()!,
                    VariableQuery().Replace(variable.GetProperty("definition").GetString()!, "count by ($2) ($1)"));
            foreach (var (name, expression) in panels.Concat(annotations).Concat(variables))
            {
                yield return (name, Variable().Replace(Window().Replace(expression, "[5m]"), ".*"));
            }
        }
    }

    private static IEnumerable<JsonElement> Targets() =>
        from dashboard in Dashboards()
        from panel in Dashboard.Panels(dashboard)
        where panel.TryGetProperty("targets", out _)
        from target in panel.GetProperty("targets").EnumerateArray()
        select target;

    private static IEnumerable<JsonElement> Dashboards() =>
        Directory.EnumerateFiles(Repository.PathOf("grafana"), "*.json", SearchOption.AllDirectories).Select(file => JsonElement.Parse(File.ReadAllText(file)));

    private static void Skip()
    {
        Assert.SkipWhen(PrometheusTools.Missing is not null && !OperatingSystem.IsLinux(), PrometheusTools.Missing ?? "");
        Assert.Null(PrometheusTools.Missing);
    }

    [GeneratedRegex(@"\[\$__(?:rate_interval|range|interval)\]")]
    private static partial Regex Window();

    [GeneratedRegex(@"\$(?:job|instance|model|endpoint)\b")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^label_values\((.+), (\w+)\)$")]
    private static partial Regex VariableQuery();

    [GeneratedRegex(@" (>|<|==) ")]
    private static partial Regex Comparison();
}
