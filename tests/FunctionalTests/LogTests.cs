using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

public sealed class LogTests
{
    private const string Secret = "zanzibar-secret";

    [Fact]
    public async Task Each_request_is_one_line_without_texts_and_without_what_moves_a_terminal()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(Variables(ollama));

        await AskAsync(proxy, "/api/generate?key=hidden", "tiny");
        await AskAsync(proxy, "/api/generate", "evil\u001b[2J\nfake 200 line");
        // A client can have its answer, and the next request be over, before the first is recorded.
        await Eventually.TrueAsync(() => proxy.Output.Split("LogRequest[1]").Length == 3);

        Assert.Matches(@"(?m)^\S+ info: \S+LogRequest\[1\] POST /api/generate tiny:latest 200 completed, tokens \d+ in \d+ out, [\d.]+ s, from 127\.0\.0\.1\r?$", proxy.Output);
        Assert.DoesNotContain(Secret, proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', proxy.Output);
        Assert.DoesNotMatch("(?m)^fake 200", proxy.Output);
    }

    [Fact]
    public async Task As_json_each_line_is_an_object_with_its_parts()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(Variables(ollama)) { ["LOG_FORMAT"] = "json" });

        await AskAsync(proxy, "/api/generate", "tiny");
        await Eventually.TrueAsync(() => proxy.Output.Contains("LogRequest", StringComparison.Ordinal));

        var line = proxy.Output.Split('\n').First(text => text.Contains("LogRequest", StringComparison.Ordinal));
        using var json = JsonDocument.Parse(line);
        var state = json.RootElement.GetProperty("State");
        Assert.Equal(("POST", "/api/generate", "tiny:latest", "completed"), (state.GetProperty("Method").GetString(), state.GetProperty("Path").GetString(), state.GetProperty("Model").GetString(), state.GetProperty("Outcome").GetString()));
        Assert.True(state.GetProperty("OutputTokens").GetInt32() > 0);
    }

    [Fact]
    public async Task What_is_not_known_of_a_request_leaves_no_hole_in_its_line()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(Variables(ollama));
        using var client = new HttpClient();

        await client.GetStringAsync(new Uri(proxy.Address, "/api/tags"));
        await Eventually.TrueAsync(() => proxy.Output.Contains("/api/tags", StringComparison.Ordinal));

        Assert.Matches(@"(?m)\] GET /api/tags 200 completed, [\d.]+ s, from 127\.0\.0\.1\r?$", proxy.Output);
    }

    [Fact]
    public async Task Ollamas_own_output_is_clean_and_at_debug_level_unless_it_is_a_warning_or_an_error()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-in is a shell script.");
        using var files = new OllamaFiles();
        const string Lines = @"printf 'time=x level=INFO msg=quiet\n\033[31mred\033[0m evil\r2026 fake\ntime=x level=WARN msg=careful\nllama_model_load: error loading model\n' >&2";
        foreach (var level in (string[])["info", "debug"])
        {
            await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["OLLAMA_EXECUTABLE_PATH"] = files.Script($"{Lines}\nexec '{OllamaFiles.Ollama}' \"$@\""), ["OLLAMA_BACKEND_PORT"] = $"{ProxyProcess.FreePort()}", ["LOG_LEVEL"] = level,
            });
            await Eventually.TrueAsync(() => proxy.Output.Contains("error loading model", StringComparison.Ordinal));

            Assert.Matches(@"(?m)warn: ollama\[1\] time=x level=WARN msg=careful", proxy.Output);
            Assert.Matches(@"(?m)fail: ollama\[1\] llama_model_load: error loading model", proxy.Output);
            Assert.Equal(level == "debug", proxy.Output.Contains("dbug: ollama[1] time=x level=INFO msg=quiet", StringComparison.Ordinal));
            Assert.Equal(level == "debug", proxy.Output.Contains("dbug: ollama[1] red evil\ufffd2026 fake", StringComparison.Ordinal));
            Assert.DoesNotContain('\u001b', proxy.Output);
        }
    }

    [Fact]
    public async Task A_level_above_information_has_no_line_for_each_request()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(Variables(ollama)) { ["LOG_LEVEL"] = "warn" });

        await AskAsync(proxy, "/api/generate", "tiny");
        await proxy.SignalAsync("TERM");
        await proxy.ExitAsync();

        Assert.DoesNotContain("LogRequest", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_log_folder_that_cannot_be_written_stops_the_start()
    {
        var file = Path.GetTempFileName();

        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?>(StringComparer.Ordinal) { ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9", ["LOG_DIR"] = Path.Combine(file, "logs") });
        File.Delete(file);

        Assert.Equal(2, code);
        Assert.Contains("LOG_DIR", output, StringComparison.Ordinal);
    }

    private static Dictionary<string, string?> Variables(SimulatedOllamaServer ollama) => new(StringComparer.Ordinal)
    {
        ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(), ["OLLAMA_POLL_SECONDS"] = "0",
    };

    private static async Task AskAsync(ProxyProcess proxy, string path, string model)
    {
        using var client = new HttpClient();
        using var body = new StringContent(JsonSerializer.Serialize(new { model, prompt = $"What is {Secret}?", stream = false }));
        using var answer = await client.PostAsync(new Uri(proxy.Address, path), body);
        await answer.Content.ReadAsStringAsync();
    }
}
