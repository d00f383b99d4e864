using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A real Prometheus server and <c>promtool</c>, from PATH or as unpacked by <c>./build.sh test</c> into artifacts/prometheus.</summary>
internal sealed class PrometheusTools : IAsyncDisposable
{
    private readonly Process _server;
    private readonly DirectoryInfo _folder;
    private readonly HttpClient _client;

    private PrometheusTools(Process server, DirectoryInfo folder, Uri address)
    {
        _server = server;
        _folder = folder;
        _client = new HttpClient { BaseAddress = address };
    }

    /// <summary>Why the tools are not available; null if they are.</summary>
    public static string? Missing => Find("prometheus") is not null && Find("promtool") is not null ? null
        : "there is no prometheus and promtool on PATH; ./build.sh test unpacks Debian's package where there is apt";

    /// <summary>Starts a server that scrapes one target under the job <c>ollama-proxy</c>, with every rule of grafana/rules.</summary>
    /// <param name="target">The proxy under test.</param>
    /// <param name="supervising">Another proxy, which runs Ollama as a child process.</param>
    public static async Task<PrometheusTools> StartAsync(Uri target, Uri supervising)
    {
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-prometheus-");
        var port = ProxyProcess.FreePort();
        var configuration = Path.Combine(folder.FullName, "prometheus.yml");
        await File.WriteAllTextAsync(configuration, $"""
            global: {"{"} scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1s {"}"}
            rule_files: ["{Repository.PathOf("grafana", "rules")}/*.yml"]
            scrape_configs:
              - job_name: ollama-proxy
                static_configs: [{"{"} targets: ["{target.Authority}"] {"}"}]
              - job_name: supervising
                static_configs: [{"{"} targets: ["{supervising.Authority}"] {"}"}]
            """);
        var start = new ProcessStartInfo(
            Find("prometheus")!,
            [$"--config.file={configuration}", $"--storage.tsdb.path={folder.FullName}/data", $"--web.listen-address=127.0.0.1:{port}", "--log.level=error"])
        {
            RedirectStandardError = true,
        };
        var tools = new PrometheusTools(Process.Start(start)!, folder, new Uri($"http://127.0.0.1:{port}"));
        _ = tools._server.StandardError.ReadToEndAsync();
        await Eventually.TrueAsync(tools.IsReadyAsync, Patience.Limit);
        return tools;
    }

    /// <summary>The current series of an expression.</summary>
    public async Task<(string Labels, double Value)[]> QueryAsync(string expression)
    {
        using var content = new FormUrlEncodedContent([KeyValuePair.Create("query", expression)]);
        using var answer = await _client.PostAsync("/api/v1/query", content);
        var json = await answer.Content.ReadFromJsonAsync<JsonElement>();
        return json.GetProperty("status").GetString() == "success"
            ? [.. json.GetProperty("data").GetProperty("result").EnumerateArray().Select(SeriesOf)]
            : throw new InvalidOperationException($"{json.GetProperty("error").GetString()}: {expression}");
    }

    /// <summary>
    /// Waits for an expression to have one series, and returns its value. On a busy machine a scrape may time out, and until the next one
    /// Prometheus treats all series of the target as stale.
    /// </summary>
    public async Task<double> ValueAsync(string expression)
    {
        (string Labels, double Value)[] found = [];
        try
        {
            await Eventually.TrueAsync(async () => (found = await QueryAsync(expression)) is [_]);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{found.Length} series: {expression}");
        }

        return found[0].Value;
    }

    /// <summary>Every rule it has loaded, with its name and expression.</summary>
    public async Task<(string Name, string Expression, bool IsAlert)[]> RulesAsync()
    {
        var json = await _client.GetFromJsonAsync<JsonElement>("/api/v1/rules");
        return
        [
            .. from rules in json.GetProperty("data").GetProperty("groups").EnumerateArray()
               from rule in rules.GetProperty("rules").EnumerateArray()
               select (rule.GetProperty("name").GetString()!, rule.GetProperty("query").GetString()!, rule.GetProperty("type").GetString() == "alerting"),
        ];
    }

    /// <summary>Runs promtool and returns its exit code and output.</summary>
    public static async Task<(int ExitCode, string Output)> PromtoolAsync(string? input, params string[] arguments)
    {
        using var tool = Process.Start(
            new ProcessStartInfo(Find("promtool")!, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (tool.StandardOutput.ReadToEndAsync(), tool.StandardError.ReadToEndAsync());
        await tool.StandardInput.WriteAsync(input);
        tool.StandardInput.Close();
        await tool.WaitForExitAsync().WaitAsync(Patience.Limit);
        return (tool.ExitCode, await output + await errors);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _server.Kill();
        await _server.WaitForExitAsync();
        _server.Dispose();
        _folder.Delete(recursive: true);
    }

    private static (string Labels, double Value) SeriesOf(JsonElement series) => (
        string.Join(',', series.GetProperty("metric").EnumerateObject().Select(label => $"{label.Name}={label.Value.GetString()}")),
        double.Parse(series.GetProperty("value")[1].GetString()!.Replace("+Inf", "Infinity", StringComparison.Ordinal),
            System.Globalization.CultureInfo.InvariantCulture));

    private static string? Find(string program) => Programs.Find(program, "prometheus");

    private async Task<bool> IsReadyAsync()
    {
        try
        {
            using var answer = await _client.GetAsync("/-/ready");
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
