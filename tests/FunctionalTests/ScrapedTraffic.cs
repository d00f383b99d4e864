using System.Text;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// A real Prometheus, the real program and a simulated Ollama, with a script of requests that gives data to every panel and alert: cold
/// loads, changed parameters, evictions, errors of every kind, a truncated prompt, a full queue, a client that disconnects, an Ollama that restarts, a
/// model that does not fit into the GPU memory. The script runs twice, so that every counter grows. A second proxy runs Ollama as a child, which is
/// killed and restarted.
/// </summary>
public sealed class ScrapedTraffic : IAsyncLifetime
{
    private static readonly TimeSpan s_loadTime = TimeSpan.FromMilliseconds(600);

    private static readonly SimulatedOllamaOptions s_options = new()
    {
        Models =
        [
            .. SimulatedModel.Small.Select(model => model with { LoadTime = s_loadTime, TokensPerSecond = 400, GpuRatio = 0.5 }),
            new SimulatedModel("snail:latest") { TokensPerSecond = 4 },
            new SimulatedModel("sixth:latest") { TokensPerSecond = 400 },
        ],
        MaxLoadedModels = 3,
        TellsCachedTokens = true,
    };

    private SimulatedOllamaServer _ollama = null!;
    private SupervisedOllama _supervised = null!;

    internal ProxyUnderTest Proxy { get; private set; } = null!;

    internal PrometheusTools Prometheus { get; private set; } = null!;

    /// <summary>The requests sent, by endpoint and expected status.</summary>
    internal Dictionary<(string Endpoint, string Status), int> Sent { get; } = [];

    internal long PromptTokens { get; private set; }

    internal long CachedTokens { get; private set; }

    internal long GeneratedTokens { get; private set; }

    public async ValueTask InitializeAsync()
    {
        if (PrometheusTools.Missing is not null)
        {
            return;
        }

        _ollama = await SimulatedOllamaServer.StartAsync(s_options);
        Proxy = await ProxyUnderTest.StartAsync(_ollama.Address, new Dictionary<string, string>
        {
            ["OLLAMA_POLL_SECONDS"] = "1",
            ["METRICS_MAX_MODELS"] = "4",
            ["MAX_CONCURRENT_REQUESTS"] = "2",
            ["MAX_QUEUED_REQUESTS"] = "1",
            ["ANALYTICS_FLUSH_MS"] = "0",
        });
        _supervised = await SupervisedOllama.StartAsync();
        Prometheus = await PrometheusTools.StartAsync(Proxy.Address, _supervised.Proxy.Address);
        await Eventually.TrueAsync(async () => await SumAsync("ollama_build_info") == 2);
        for (var round = 0; round < 2; round++)
        {
            await RunAsync();
            await Eventually.TrueAsync(async () => await SumAsync("ollama_requests_total") == Sent.Values.Sum());
        }

        // Last, because some panels look back only one minute.
        await _supervised.KillFirstAsync();
        await Eventually.TrueAsync(async () => await SumAsync("ollama_restarts_total") == 1);
    }

    public async ValueTask DisposeAsync()
    {
        if (Prometheus is not null)
        {
            await Prometheus.DisposeAsync();
            await _supervised.DisposeAsync();
            await Proxy.DisposeAsync();
            await _ollama.DisposeAsync();
        }
    }

    internal async Task<double> SumAsync(string metric)
    {
        var found = await Prometheus.QueryAsync($"sum({metric})");
        return found is [var only] ? only.Value : 0;
    }

    private async Task RunAsync()
    {
        await GetAsync("/api/tags", "tags", "success");
        foreach (var model in (string[])["tiny", "tiny", "tiny-jinja", "slow", "tiny-embed"])
        {
            await AskAsync(model == "tiny-embed" ? "/api/embed" : "/api/generate",
                $$"""{"model":"{{model}}","{{(model == "tiny-embed" ? "input" : "prompt")}}":"Explain it","stream":false}""", "success");
        }

        await AskAsync("/api/chat", """{"model":"tiny","messages":[{"role":"user","content":"Write a poem"}]}""", "success");
        await AskAsync("/v1/chat/completions",
            """{"model":"tiny","messages":[{"role":"user","content":"Why?"}],"stream":true,"stream_options":{"include_usage":true}}""", "success");
        await AskAsync("/api/generate", """{"model":"tiny","prompt":"a","stream":false,"options":{"num_ctx":8192}}""", "success");
        await AskAsync("/api/generate", """{"model":"sixth","prompt":"a","stream":false}""", "success");
        await AskAsync("/api/generate", $$$"""{"model":"tiny","prompt":"{{{new string('w', 40_000)}}}","stream":false,"options":{"num_ctx":4096}}""",
            "success");
        await AskAsync("/api/generate", """{"model":"nobody","prompt":"a"}""", "error");
        await AskAsync("/api/generate", "no json", "error");
        foreach (var fault in (Fault[])[Fault.Error, Fault.Broken, Fault.Busy])
        {
            _ollama.Faults.Next(fault);
            await AskAsync("/api/chat", """{"model":"tiny","messages":[{"role":"user","content":"a"}]}""", "error");
        }

        await FillQueueAsync();
        await LoseOllamaAsync();
    }

    /// <summary>Two requests run, one waits, one is rejected; then all clients disconnect.</summary>
    private async Task FillQueueAsync()
    {
        List<Task> running = [];
        using var leaving = new CancellationTokenSource();
        for (var taken = 1; taken <= 2; taken++)
        {
            running.Add(LeaveAsync(leaving.Token));
            await Eventually.TrueAsync(async () => await PageValueAsync("""ollama_endpoint_active_requests{endpoint="generate"}""") == taken);
        }

        running.Add(LeaveAsync(leaving.Token));
        await Eventually.TrueAsync(async () => await PageValueAsync("""ollama_queue_depth{endpoint="generate"}""") == 1);
        await AskAsync("/api/generate", """{"model":"tiny","prompt":"a"}""", "error");
        await leaving.CancelAsync();
        await Task.WhenAll(running);
        // Wait for it before Ollama stops; otherwise Ollama could close first.
        await Eventually.TrueAsync(async () => await PageCountAsync("ollama_requests_total", "status=\"cancelled\"") == Sent[("generate", "cancelled")]);
    }

    private async Task LeaveAsync(CancellationToken leaving)
    {
        lock (Sent)
        {
            Count("generate", "cancelled");
        }

        using var content = new StringContent("""{"model":"snail","prompt":"Say it"}""", Encoding.UTF8);
        try
        {
            using var answer = await Proxy.Client.PostAsync("/api/generate", content, leaving);
        }
        catch (OperationCanceledException) when (leaving.IsCancellationRequested)
        {
            // The cancellation is the purpose of this request.
        }
    }

    private async Task LoseOllamaAsync()
    {
        var port = _ollama.Address.Port;
        await _ollama.DisposeAsync();
        await AskAsync("/api/generate", """{"model":"tiny","prompt":"a","stream":false}""", "error");
        await Eventually.TrueAsync(async () => await PageValueAsync("ollama_up") == 0);
        _ollama = await SimulatedOllamaServer.StartAsync(s_options with { Port = port });
        await Eventually.TrueAsync(async () => await PageValueAsync("ollama_up") == 1);
        await AskAsync("/api/generate", """{"model":"tiny","prompt":"a","stream":false}""", "success");
        await Eventually.TrueAsync(async () => await PageValueAsync("""ollama_model_gpu_ratio{model="tiny:latest"}""") is > 0.49 and < 0.51);
    }

    private async Task GetAsync(string path, string endpoint, string status)
    {
        using var answer = await Proxy.Client.GetAsync(path);
        Count(endpoint, status);
    }

    private async Task AskAsync(string path, string body, string status)
    {
        using var content = new StringContent(body, Encoding.UTF8);
        using var answer = await Proxy.Client.PostAsync(path, content);
        Assert.True(status == "error" || answer.IsSuccessStatusCode, $"{path} was answered with {answer.StatusCode}: {body}");
        Count(path.Replace("/api/", "", StringComparison.Ordinal).TrimStart('/'), status);
        if (status == "success")
        {
            CountTokens(await answer.Content.ReadAsStringAsync());
        }
        else
        {
            await answer.Content.ReadAsStringAsync();
        }
    }

    private void Count(string endpoint, string status)
    {
        lock (Sent)
        {
            Sent[(endpoint, status)] = Sent.GetValueOrDefault((endpoint, status)) + 1;
        }
    }

    /// <summary>The final message of a response: Ollama's last line, or OpenAI's last event before the terminator.</summary>
    private void CountTokens(string answer)
    {
        var last = answer.Split('\n').Select(line => line.StartsWith("data: ", StringComparison.Ordinal) ? line[6..] : line).Last(line => line.StartsWith('{'));
        using var json = JsonDocument.Parse(last);
        var usage = json.RootElement.TryGetProperty("usage", out var openAi) ? openAi : json.RootElement;
        PromptTokens += Number("prompt_eval_count") + Number("prompt_tokens");
        CachedTokens += Number("prompt_eval_cached_count");
        GeneratedTokens += Number("eval_count") + Number("completion_tokens");

        long Number(string name) => usage.TryGetProperty(name, out var number) ? number.GetInt64() : 0;
    }

    /// <summary>A value on the metrics page itself; null if the series does not exist.</summary>
    private async Task<double?> PageValueAsync(string series)
    {
        var page = await Proxy.Client.GetStringAsync("/metrics");
        var line = page.Split('\n').FirstOrDefault(line => line.StartsWith(series, StringComparison.Ordinal) && line[series.Length] is ' ' or '{');
        return line is null ? null : ValueOf(line);
    }

    /// <summary>The sum of a metric's series with the given label.</summary>
    private async Task<double> PageCountAsync(string metric, string label)
    {
        var page = await Proxy.Client.GetStringAsync("/metrics");
        return page.Split('\n').Where(line => line.StartsWith(metric + '{', StringComparison.Ordinal) && line.Contains(label, StringComparison.Ordinal))
            .Sum(ValueOf);
    }

    private static double ValueOf(string line) => double.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture);
}
