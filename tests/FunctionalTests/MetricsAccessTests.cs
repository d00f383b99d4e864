using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The port, the access rules and the formats of /metrics.</summary>
public sealed partial class MetricsAccessTests
{
    private static readonly Uri s_nobody = new("http://127.0.0.1:9");

    [Fact]
    public async Task With_a_separate_metrics_port_the_path_on_the_proxys_port_belongs_to_ollama()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Settings(("METRICS_PORT", "0")));
        var metrics = new Uri(proxy.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Last());
        Assert.NotEqual(proxy.Port, metrics.Port);

        Assert.Contains("ollama_active_requests", await proxy.Client.GetStringAsync(new Uri(metrics, "/metrics")), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(proxy, new Uri(metrics, "/healthz")));
        foreach (var path in (string[])["/api/tags", "/analytics/stats", "/"])
        {
            Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(proxy, new Uri(metrics, path)));
        }

        Assert.Empty(ollama.Received);
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(proxy, new Uri(proxy.Address, "/metrics")));
        Assert.Equal("/metrics", Assert.Single(ollama.Received).Target);
    }

    [Fact]
    public async Task With_a_token_only_clients_that_send_it_can_read()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody,
            Settings(("METRICS_TOKEN", "a-secret-of-metrics"), ("ANALYTICS_TOKEN", "a-secret-of-analytics")));

        foreach (var (token, expected) in ((string?, HttpStatusCode)[])[(null, HttpStatusCode.Unauthorized),
            ("a-secret-of-metricz", HttpStatusCode.Unauthorized), ("a-secret-of-analytics", HttpStatusCode.Unauthorized),
            ("a-secret-of-metrics", HttpStatusCode.OK)])
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
            request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
            using var answer = await proxy.Client.SendAsync(request);
            Assert.Equal((token, expected), (token, answer.StatusCode));
            Assert.Equal(expected == HttpStatusCode.Unauthorized, answer.Headers.WwwAuthenticate.Count == 1);
        }
    }

    [Fact]
    public async Task Guessing_the_metrics_token_is_delayed_without_affecting_the_analytics_token()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(
            s_nobody, Settings(("METRICS_TOKEN", "a-secret-of-metrics"), ("ANALYTICS_TOKEN", "a-secret-of-analytics")));
        List<HttpStatusCode> statuses = [];
        foreach (var token in (string[])["1", "2", "3", "4", "5", "a-secret-of-metrics"])
        {
            statuses.Add(await StatusAsync("/metrics", token));
        }

        Assert.Equal([.. Enumerable.Repeat(HttpStatusCode.Unauthorized, 5), HttpStatusCode.TooManyRequests], statuses);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("/analytics", "a-secret-of-analytics"));

        async Task<HttpStatusCode> StatusAsync(string path, string token)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, path);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            using var answer = await proxy.Client.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Theory]
    [InlineData("/metrics", "GET")]
    [InlineData("/metrics", "HEAD")]
    [InlineData("/metrics", "POST")]
    [InlineData("/healthz", "GET")]
    public async Task The_response_forbids_content_sniffing(string path, string method)
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, Settings());
        using var request = new HttpRequestMessage(new HttpMethod(method), path);

        using var answer = await proxy.Client.SendAsync(request);

        Assert.Equal(["nosniff"], answer.Headers.GetValues("X-Content-Type-Options"));
    }

    [Theory]
    [InlineData(null, "text/plain; version=0.0.4; charset=utf-8")]
    [InlineData("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores")]
    [InlineData("application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=underscores")]
    public async Task The_page_is_OpenMetrics_on_request(string? accept, string expected)
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, Settings());
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.TryAddWithoutValidation("Accept", accept);

        using var answer = await proxy.Client.SendAsync(request);
        var page = await answer.Content.ReadAsStringAsync();

        Assert.Equal(expected, answer.Content.Headers.ContentType?.ToString());
        Assert.Equal(expected.StartsWith("application", StringComparison.Ordinal), page.EndsWith("# EOF\n", StringComparison.Ordinal));
        Assert.Contains("ollama_proxy_records_written_total", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gzip", false, true)]
    [InlineData("deflate, gzip;q=0.5", false, true)]
    [InlineData("gzip;q=0", false, false)]
    [InlineData("identity", false, false)]
    [InlineData("gzip", true, true)]
    [InlineData("gzip;q=0", true, false)]
    public async Task The_page_is_compressed_on_request(string accepted, bool appendsOllama, bool expected)
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, Settings(("METRICS_APPEND_OLLAMA", appendsOllama ? "true" : "false")));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/metrics");
        request.Headers.TryAddWithoutValidation("Accept-Encoding", accepted);

        using var answer = await proxy.Client.SendAsync(request);
        var body = await answer.Content.ReadAsStreamAsync();

        Assert.Equal(expected ? ["gzip"] : [], answer.Content.Headers.ContentEncoding);
        using var reader = new StreamReader(expected ? new GZipStream(body, CompressionMode.Decompress) : body);
        Assert.Contains("ollama_active_requests", await reader.ReadToEndAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Ollamas_own_metrics_are_appended_when_enabled()
    {
        const string theirs =
            "# HELP ollama_runner_slots Slots.\n# TYPE ollama_runner_slots gauge\nollama_runner_slots 4\n"
            + "# TYPE ollama_active_requests gauge\nollama_active_requests 99\n";
        await using var ollama = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(
                Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {theirs.Length}\r\n\r\n{theirs}"));
            return true;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Settings(("METRICS_APPEND_OLLAMA", "true")));

        var page = await proxy.Client.GetStringAsync("/metrics");

        Assert.EndsWith("\n# HELP ollama_runner_slots Slots.\n# TYPE ollama_runner_slots gauge\nollama_runner_slots 4\n", page, StringComparison.Ordinal);
        Assert.DoesNotContain("99", page[page.IndexOf("ollama_active_requests", StringComparison.Ordinal)..].Split('\n')[1], StringComparison.Ordinal);
        Assert.Single(ollama.Requests);
    }

    [Fact]
    public async Task A_scrape_sends_nothing_to_ollama_unless_enabled()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Settings());

        await proxy.Client.GetStringAsync("/metrics");

        Assert.Empty(ollama.Received);
    }

    [Fact]
    public async Task The_page_is_available_while_ollama_does_not_answer()
    {
        var end = new TaskCompletionSource();
        await using var ollama = new RawUpstream(async (_, _) =>
        {
            await end.Task;
            return false;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Settings(("METRICS_APPEND_OLLAMA", "true")));

        Assert.Contains("ollama_active_requests", await proxy.Client.GetStringAsync("/metrics"), StringComparison.Ordinal);
        end.SetResult();
    }

    [Fact]
    public async Task The_series_of_a_model_end_with_its_unload()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("big:latest") { Size = 1_000_000, GpuRatio = 0.25 }] });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, Settings(("OLLAMA_POLL_SECONDS", "1")));

        using var load = await proxy.Client.PostAsync("/api/generate", new StringContent("""{"model":"big"}"""));
        await Eventually.TrueAsync(async () => ModelSeries().Count(await proxy.Client.GetStringAsync("/metrics")) == 6);
        var page = await proxy.Client.GetStringAsync("/metrics");
        Assert.Contains("""ollama_model_loaded{family="llama",model="big:latest",parameter_size="2.53M",quantization="F16"} 1""", page,
            StringComparison.Ordinal);
        Assert.Contains("""ollama_model_gpu_ratio{model="big:latest"} 0.25""", page, StringComparison.Ordinal);
        Assert.Contains("""ollama_model_context_length{model="big:latest"} 4096""", page, StringComparison.Ordinal);

        using var unload = await proxy.Client.PostAsync("/api/generate", new StringContent("""{"model":"big","keep_alive":0}"""));
        await Eventually.TrueAsync(async () => ModelSeries().Count(await proxy.Client.GetStringAsync("/metrics")) == 0);
    }

    [Fact]
    public async Task The_page_has_every_documented_runtime_metric()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(s_nobody, Settings());

        var page = await proxy.Client.GetStringAsync("/metrics");

        var documented = File.ReadAllLines(Repository.PathOf("docs", "metrics.md")).Select(line => RuntimeRow().Match(line)).Where(
            match => match.Success).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal);
        Assert.Equal(documented,
            RuntimeType().Matches(page).Select(match => match.Groups[1].Value).Append("dotnet_exceptions_total").Distinct().Order(StringComparer.Ordinal));
    }

    private static Dictionary<string, string> Settings(params ReadOnlySpan<(string Name, string Value)> variables)
    {
        Dictionary<string, string> all = new(StringComparer.Ordinal) { ["ANALYTICS_BACKEND"] = "none" };
        foreach (var (name, value) in variables)
        {
            all[name] = value;
        }

        return all;
    }

    private static async Task<HttpStatusCode> StatusAsync(ProxyUnderTest proxy, Uri address)
    {
        using var answer = await proxy.Client.GetAsync(address);
        return answer.StatusCode;
    }

    [GeneratedRegex(@"(?m)^ollama_model_(?:loaded|size_bytes|vram_bytes|gpu_ratio|context_length|expires_seconds)\{")]
    private static partial Regex ModelSeries();

    [GeneratedRegex(@"(?m)^# TYPE (dotnet_\w+)")]
    private static partial Regex RuntimeType();

    [GeneratedRegex(@"^\| `(dotnet_\w+)` \|")]
    private static partial Regex RuntimeRow();
}
