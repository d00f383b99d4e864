using System.Net;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The messages of a stop, and the signals that cause it.</summary>
public sealed class StopTests
{
    [Theory]
    [InlineData("HUP")]
    [InlineData("TERM")]
    [InlineData("QUIT")]
    [InlineData("INT")]
    public async Task A_stop_by_any_signal_reports_the_requests_it_waits_for_and_the_result(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent with kill.");
        await using var ollama = await StartOllamaAsync();
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-test-");
        try
        {
            await using var proxy = await ProxyProcess.StartAsync(
                new Dictionary<string, string?>(Variables(ollama, graceSeconds: 1)) { ["LOG_DIR"] = folder.FullName });
            using var running = await StreamAsync(proxy);
            using var client = new HttpClient();
            var queued = client.PostAsync(new Uri(proxy.Address, "/api/generate"), Question());
            await Eventually.TrueAsync(async () => (await client.GetStringAsync(new Uri(proxy.Address, "/analytics/ollama"))).Contains(
                "\"waiting_requests\":1", StringComparison.Ordinal));

            await proxy.SignalAsync(signal);

            Assert.Equal(0, await proxy.ExitAsync());
            Assert.Equal(503, (int)(await queued).StatusCode);
            var log = await File.ReadAllTextAsync(Path.Combine(folder.FullName, "ollama-proxy.log"));
            Assert.All((string[])[proxy.Output, log], text =>
            {
                Assert.Contains("Stopping: waiting up to 1 s for 1 running request and 1 queued request. A second Ctrl+C stops at once.", text,
                    StringComparison.Ordinal);
                Assert.Contains("1 running request cut, 1 queued request refused, 0 finished.", text, StringComparison.Ordinal);
                Assert.Equal(2, text.Split("proxy stopped").Length - 1);
            });
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public async Task With_a_silent_log_the_stop_is_reported_on_standard_error()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent with kill.");
        await using var ollama = await StartOllamaAsync();
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>(Variables(ollama, graceSeconds: 3_600)) { ["LOG_LEVEL"] = "error" });
        using var running = await StreamAsync(proxy);

        await proxy.SignalAsync("TERM");
        await Eventually.TrueAsync(() => proxy.Output.Contains("waiting up to 3600 s for 1 running request.", StringComparison.Ordinal));
        await proxy.SignalAsync("INT");

        Assert.Equal(130, await proxy.ExitAsync());
        Assert.Contains("Stopped at once by a second Ctrl+C: 1 request cut.", proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("finished", proxy.Output.Split("A second Ctrl+C")[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HUP")]
    [InlineData("INT")]
    public async Task A_signal_that_was_ignored_at_the_start_stays_ignored(string signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent with kill.");
        await using var ollama = await StartOllamaAsync();
        await using var proxy = await ProxyProcess.StartIgnoringAsync(signal, Variables(ollama, graceSeconds: 1));

        await proxy.SignalAsync(signal);
        using var client = new HttpClient();
        Assert.Contains("ok", await client.GetStringAsync(new Uri(proxy.Address, "/healthz")), StringComparison.Ordinal);
        await proxy.SignalAsync("TERM");

        Assert.Equal(0, await proxy.ExitAsync());
        Assert.Single(proxy.Output.Split('\n'), line => line.Contains("Stopping: no request is running.", StringComparison.Ordinal));
    }

    [Fact]
    public async Task During_the_delay_of_a_stop_health_is_503_and_requests_are_still_served()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent with kill.");
        await using var ollama = await StartOllamaAsync();
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>(Variables(ollama, graceSeconds: 1)) { ["SHUTDOWN_DELAY_SECONDS"] = "600" });

        await proxy.SignalAsync("TERM");
        await Eventually.TrueAsync(async () => await HealthAsync(proxy) == HttpStatusCode.ServiceUnavailable);
        using var client = new HttpClient();
        Assert.Contains("Ollama is running", await client.GetStringAsync(proxy.Address), StringComparison.Ordinal);
        await proxy.SignalAsync("INT");

        Assert.Equal(130, await proxy.ExitAsync());
        Assert.Contains("Stopping: accepting requests for another 600 s (SHUTDOWN_DELAY_SECONDS).", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_the_delay_running_requests_have_the_whole_grace()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are sent with kill.");
        await using var ollama = await StartOllamaAsync();
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>(Variables(ollama, graceSeconds: 1)) { ["SHUTDOWN_DELAY_SECONDS"] = "1" });
        using var running = await StreamAsync(proxy);

        await proxy.SignalAsync("TERM");

        Assert.Equal(0, await proxy.ExitAsync());
        var (delay, grace, end) = (At("accepting requests for another 1 s"), At("waiting up to 1 s for 1 running request."), At("1 running request cut"));
        Assert.True(delay >= 0 && delay < grace && grace < end, proxy.Output);

        int At(string text) => proxy.Output.IndexOf(text, StringComparison.Ordinal);
    }

    /// <summary>On a connection of its own, as a probe asks.</summary>
    private static async Task<HttpStatusCode> HealthAsync(ProxyProcess proxy)
    {
        using var client = new HttpClient();
        using var answer = await client.GetAsync(new Uri(proxy.Address, "/healthz"));
        return answer.StatusCode;
    }

    private static Task<SimulatedOllamaServer> StartOllamaAsync() =>
        SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = [new SimulatedModel("snail:latest") { TokensPerSecond = 2 }] });

    private static Dictionary<string, string?> Variables(SimulatedOllamaServer ollama, int graceSeconds) => new(StringComparer.Ordinal)
    {
        ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(), ["SHUTDOWN_GRACE_SECONDS"] = $"{graceSeconds}", ["MAX_CONCURRENT_REQUESTS"] = "1",
    };

    private static StringContent Question() => new("""{"model":"snail:latest","prompt":"Why?","options":{"num_predict":2000}}""");

    /// <summary>A stream that has sent its first line.</summary>
    private static async Task<HttpResponseMessage> StreamAsync(ProxyProcess proxy)
    {
        var client = new HttpClient();
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(proxy.Address, "/api/generate")) { Content = Question() };
        var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        await (await response.Content.ReadAsStreamAsync()).ReadExactlyAsync(new byte[1]);
        return response;
    }
}
