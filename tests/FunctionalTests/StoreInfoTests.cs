using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Both kinds of statistics over known records.</summary>
public sealed class AnalyticsStatsTests
{
    /// <summary>Ten requests to two models within two hours from the epoch, six of them in the first hour.</summary>
    private static readonly RequestRecord[] s_records =
    [
        .. Enumerable.Range(1, 10).Select(number => StoredRequests.At(number <= 6 ? number * 60 : 3_600 + (number * 60)) with
        {
            Model = number <= 4 ? "llama3:8b" : "phi4:latest",
            ClientIp = number == 1 ? "10.0.0.7" : "127.0.0.1",
            Application = number == 1 ? "curl" : null,
            Outcome = number switch { 9 => ExchangeOutcome.ClientCancelled, 10 => ExchangeOutcome.UpstreamError, _ => ExchangeOutcome.Completed },
            Latency = TimeSpan.FromSeconds(number),
            InputTokens = number == 10 ? null : 10,
            OutputTokens = number == 10 ? null : 20,
            TokensPerSecond = number == 10 ? null : 5,
            TimeToFirstToken = TimeSpan.FromSeconds(0.5),
        }),
        StoredRequests.At(120) with { RequestId = new string('f', 32), Model = null, Endpoint = ApiEndpoint.FromLabel("tags")!, Category = PromptCategory.Empty,
            IsInference = false, Latency = TimeSpan.FromSeconds(100) },
    ];

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task Statistics_have_totals_percentiles_groups_and_a_series(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(backend, s_records);

        var stats = await proxy.GetAsync("/analytics/stats?inference=true&start_time=0&end_time=7200&step=1h");

        Assert.Equal(["backend", "data_dir", "queue_size", "total_records", "size_bytes", "oldest", "newest"],
            stats.EnumerateObject().Take(7).Select(property => property.Name));
        Assert.Equal((backend, 11), (stats.GetProperty("backend").GetString(), stats.GetProperty("total_records").GetInt64()));
        Assert.Equal(0.01, stats.GetProperty("percentile_error").GetDouble());
        var total = stats.GetProperty("total");
        Assert.Equal([10, 8, 1, 1, 90, 180],
            new[] { "requests", "success", "error", "cancelled", "input_tokens", "output_tokens" }.Select(name => total.GetProperty(name).GetInt64()));
        Assert.Equal(10 / 120.0, total.GetProperty("requests_per_minute").GetDouble(), 6);
        var latency = total.GetProperty("latency");
        Assert.Equal((10, 5.5, 10), (latency.GetProperty("count").GetInt64(), latency.GetProperty("mean").GetDouble(), latency.GetProperty("max").GetDouble()));
        Assert.InRange(latency.GetProperty("p50").GetDouble(), 4.9, 5.1);
        Assert.InRange(latency.GetProperty("p90").GetDouble(), 8.9, 9.1);
        Assert.Equal(9, total.GetProperty("tokens_per_second").GetProperty("count").GetInt64());
        Assert.Equal(("phi4:latest", 6),
            (stats.GetProperty("models")[0].GetProperty("name").GetString(),
            stats.GetProperty("models")[0].GetProperty("numbers").GetProperty("requests").GetInt64()));
        Assert.Equal((2, 2), (stats.GetProperty("client_count").GetInt32(), stats.GetProperty("model_count").GetInt32()));
        Assert.Equal(["completed", "client_cancelled", "upstream_error"],
            Names(stats, "outcomes").Order(StringComparer.Ordinal).OrderByDescending(name => name == "completed"));
        Assert.Equal(["chat"], Names(stats, "endpoints"));
        Assert.Equal(["other"], Names(stats, "categories"));
        Assert.Contains("curl", Names(stats, "applications"));
        Assert.Equal(3_600, stats.GetProperty("step_seconds").GetDouble());
        Assert.Equal([(0, 6), (3_600, 4)],
            stats.GetProperty("series").EnumerateArray()
            .Select(step => ((int)step.GetProperty("timestamp").GetInt64(), (int)step.GetProperty("numbers").GetProperty("requests").GetInt64())));
        Assert.Equal(1, (await proxy.GetAsync("/analytics/stats?top=1")).GetProperty("models").GetArrayLength());
    }

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task Groups_that_are_not_requested_are_left_out(string backend)
    {
        string[] groups = ["models", "endpoints", "categories", "clients", "applications", "outcomes"];
        await using var proxy = await StoredRequests.StartAsync(backend, s_records);
        var all = await proxy.GetAsync("/analytics/stats?inference=true&end_time=7200&step=1h&split=client");

        var some = await proxy.GetAsync("/analytics/stats?inference=true&end_time=7200&step=1h&split=client&groups=model,application");
        var none = await proxy.GetAsync("/analytics/stats?inference=true&end_time=7200&step=1h&split=client&groups=none");

        Assert.Equal(["models", "applications"], groups.Where(group => some.GetProperty(group).ValueKind == JsonValueKind.Array));
        Assert.All(["models", "applications", "model_count", "total", "series"],
            same => Assert.Equal(all.GetProperty(same).GetRawText(), some.GetProperty(same).GetRawText()));
        Assert.Equal(JsonValueKind.Null, some.GetProperty("client_count").ValueKind);
        Assert.All([.. groups, "client_count", "model_count"], left => Assert.Equal(JsonValueKind.Null, none.GetProperty(left).ValueKind));
        Assert.All(["total", "series", "latency_histogram"], same => Assert.Equal(all.GetProperty(same).GetRawText(), none.GetProperty(same).GetRawText()));
    }

    [Theory]
    [InlineData("models")]
    [InlineData("model,")]
    [InlineData("none,model")]
    [InlineData("Model")]
    public async Task An_unknown_group_is_refused(string groups)
    {
        await using var proxy = await StoredRequests.StartAsync("none", []);

        using var answer = await proxy.Client.GetAsync($"/analytics/stats?groups={groups}");

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(
            "must be some of model, endpoint, category, client, application, outcome, error_type, backend, proxy, separated by commas, or none.",
            (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("errors").GetProperty("groups")[0].GetString());
    }

    [Theory]
    [InlineData("model=llama3:8b", 4)]
    [InlineData("model=llama3:8b&status=success&client=127.0.0.1", 3)]
    [InlineData("endpoint=tags", 1)]
    [InlineData("min_latency=9.5&inference=true", 1)]
    [InlineData("search=question", 11)]
    [InlineData("start_time=61&end_time=180&inference=true", 2)]
    [InlineData("application=curl", 1)]
    [InlineData("hours=1", 0)]
    [InlineData("hours=1&end_time=3600&inference=true", 6)]
    public async Task Statistics_cover_the_records_that_match_the_filter(string query, int requests)
    {
        foreach (var backend in (string[])["sqlite", "jsonl"])
        {
            await using var proxy = await StoredRequests.StartAsync(backend, s_records);

            var stats = await proxy.GetAsync($"/analytics/stats?{query}");

            Assert.Equal((backend, requests), (backend, stats.GetProperty("total").GetProperty("requests").GetInt32()));
        }
    }

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task Enhanced_statistics_have_the_keys_and_units_of_the_original(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(backend, s_records);

        var stats = await proxy.GetAsync("/analytics/stats/enhanced?hours=2&end_time=7200");

        Assert.Equal(
            ["total_requests", "unique_ips", "unique_models", "avg_response_time_ms", "avg_input_tokens", "avg_output_tokens", "avg_tokens_per_second",
                "requests_per_minute", "success_rate_percent",
                "error_rate_percent", "top_ips", "top_models", "recent_trend", "time_range_hours", "data_start_time", "data_end_time"],
            stats.EnumerateObject().Select(property => property.Name));
        Assert.Equal([10, 2, 2, 5_500, 10, 20, 5, 80, 10, 2], new[]
        {
            "total_requests", "unique_ips", "unique_models", "avg_response_time_ms", "avg_input_tokens", "avg_output_tokens", "avg_tokens_per_second",
            "success_rate_percent", "error_rate_percent", "time_range_hours",
        }.Select(name => Math.Round(stats.GetProperty(name).GetDouble(), 6)));
        Assert.Equal(10 / 120.0, stats.GetProperty("requests_per_minute").GetDouble(), 6);
        Assert.Equal("""{"ip":"127.0.0.1","request_count":9,"avg_latency_ms":6000,"total_tokens":160}""", stats.GetProperty("top_ips")[0].GetRawText());
        Assert.Equal("""{"model":"llama3:8b","request_count":4,"avg_latency_ms":2500,"total_tokens":80}""", stats.GetProperty("top_models")[1].GetRawText());
        Assert.Equal("""[{"timestamp":0,"request_count":6,"avg_latency":3.5},{"timestamp":3600,"request_count":4,"avg_latency":8.5}]""",
            stats.GetProperty("recent_trend").GetRawText());
        Assert.Equal(DateTimeOffset.UnixEpoch.AddHours(2), stats.GetProperty("data_end_time").GetDateTimeOffset());
    }

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task An_empty_store_gives_zeros_and_empty_lists(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(backend);

        var enhanced = await proxy.GetAsync("/analytics/stats/enhanced");
        var stats = await proxy.GetAsync("/analytics/stats?step=5m");

        Assert.All(
            enhanced.EnumerateObject().Where(property => property.Value.ValueKind == JsonValueKind.Number && property.Name != "time_range_hours"),
            property => Assert.Equal((property.Name, 0.0), (property.Name, property.Value.GetDouble())));
        Assert.All(["top_ips", "top_models", "recent_trend"], name => Assert.Equal("[]", enhanced.GetProperty(name).GetRawText()));
        Assert.Equal(24, enhanced.GetProperty("time_range_hours").GetDouble(), 3);
        Assert.Equal((0, "null"),
            (stats.GetProperty("total").GetProperty("requests").GetInt32(), stats.GetProperty("total").GetProperty("latency").GetProperty("p99").GetRawText()));
        Assert.Equal("[]", stats.GetProperty("series").GetRawText());
    }

    [Theory]
    [InlineData("stats/enhanced?hours=0", "hours")]
    [InlineData("stats/enhanced?hours=soon", "hours")]
    [InlineData("stats/enhanced?hours=99999999", "hours")]
    [InlineData("stats?hours=2&start_time=0", "hours")]
    [InlineData("stats?step=7m", "step")]
    [InlineData("stats?step=30s", "step")]
    [InlineData("stats?step=x", "step")]
    [InlineData("stats?step=90m", "step")]
    [InlineData("stats?step=1m&start_time=0&end_time=9000000000", "step")]
    [InlineData("stats?top=0", "top")]
    [InlineData("stats?top=101", "top")]
    [InlineData("stats?limit=5", "limit")]
    public async Task An_invalid_parameter_is_named(string path, string name)
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite");

        using var answer = await proxy.Client.GetAsync($"/analytics/{path}");
        var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal([name], problem.GetProperty("errors").EnumerateObject().Select(error => error.Name));
    }

    private static IEnumerable<string?> Names(JsonElement stats, string group) =>
        stats.GetProperty(group).EnumerateArray().Select(entry => entry.GetProperty("name").GetString());
}
