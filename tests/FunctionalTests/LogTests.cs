using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

public sealed class LogTests
{
    private const string Secret = "zanzibar-secret";

    [Fact]
    public async Task Each_request_is_one_line_without_texts_and_control_characters()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(Variables(ollama));

        await AskAsync(proxy, "/api/generate?key=hidden", "tiny");
        await AskAsync(proxy, "/api/generate", "evil\u001b[2J\nfake 200 line");
        // A client can have its response, and finish the next request, before the first is recorded.
        await Eventually.TrueAsync(() => proxy.Output.Split("POST /api/generate").Length == 3);

        Assert.Matches(@"(?m)^\S+  200  POST /api/generate +tiny:latest +\d+→\d+ tok +[\d.]+ tok/s +[\d.]+ m?s  127\.0\.0\.1\r?$", proxy.Output);
        Assert.DoesNotContain(Secret, proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', proxy.Output);
        Assert.DoesNotMatch("(?m)^fake 200", proxy.Output);
    }

    [Fact]
    public async Task In_json_each_line_is_an_object()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(Variables(ollama)) { ["LOG_FORMAT"] = "json" });

        await AskAsync(proxy, "/api/generate", "tiny");
        await Eventually.TrueAsync(() => proxy.Output.Contains("\"request\"", StringComparison.Ordinal));

        var lines = proxy.Output.Split('\n').Where(text => text.StartsWith('{')).ToList();
        Assert.All(lines, line => JsonDocument.Parse(line).Dispose());
        using var json = JsonDocument.Parse(lines.First(text => text.Contains("\"request\"", StringComparison.Ordinal)));
        string[] names = ["level", "msg", "method", "path", "model", "outcome", "client"];
        var parts = names.Select(name => json.RootElement.GetProperty(name).GetString());
        Assert.Equal(["info", "request", "POST", "/api/generate", "tiny:latest", "completed", "127.0.0.1"], parts);
        Assert.True(json.RootElement.GetProperty("output_tokens").GetInt32() > 0);
        Assert.True(json.RootElement.GetProperty("duration_ms").GetDouble() > 0);
        Assert.Equal(200, json.RootElement.GetProperty("status").GetInt32());
        Assert.True(json.RootElement.GetProperty("time").GetDateTimeOffset() > DateTimeOffset.UnixEpoch);
    }

    [Fact]
    public async Task A_log_file_has_the_format_of_the_console()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        foreach (var (format, expected) in ((string, string)[])[("text", "  200  POST /api/generate"), ("json", "\"path\":\"/api/generate\"")])
        {
            var folder = Directory.CreateTempSubdirectory("ollama-proxy-log-");
            var variables = new Dictionary<string, string?>(Variables(ollama)) { ["LOG_FORMAT"] = format, ["LOG_DIR"] = folder.FullName };
            await using (var proxy = await ProxyProcess.StartAsync(variables))
            {
                await AskAsync(proxy, "/api/generate", "tiny");
                await proxy.SignalAsync("TERM");
                await proxy.ExitAsync();
            }

            Assert.Contains(expected, await File.ReadAllTextAsync(Path.Combine(folder.FullName, "ollama-proxy.log")), StringComparison.Ordinal);
            folder.Delete(recursive: true);
        }
    }

    [Theory]
    [InlineData("FORCE_COLOR", true)]
    [InlineData("NO_COLOR", false)]
    public async Task Colors_follow_the_environment(string variable, bool expected)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(Variables(ollama)) { [variable] = "1" });

        await AskAsync(proxy, "/api/generate", "tiny");
        await AskAsync(proxy, "/api/generate", "nope");
        await Eventually.TrueAsync(() => proxy.Output.Contains("model not found", StringComparison.Ordinal));

        Assert.Equal(expected, proxy.Output.Contains("\e[38;5;28m200\e[0m", StringComparison.Ordinal));
        Assert.Equal(expected, proxy.Output.Contains("\e[38;5;196m404\e[0m", StringComparison.Ordinal));
        Assert.DoesNotContain("\e[4", proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\e[?", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Unknown_values_of_a_request_leave_no_gap_in_its_line()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(Variables(ollama));
        using var client = new HttpClient();

        await client.GetStringAsync(new Uri(proxy.Address, "/api/tags"));
        await Eventually.TrueAsync(() => proxy.Output.Contains("/api/tags", StringComparison.Ordinal));

        Assert.Matches(@"(?m)^\S+  200  GET /api/tags +[\d.]+ m?s  127\.0\.0\.1\r?$", proxy.Output);
    }

    [Fact]
    public async Task Ollamas_own_output_is_clean_and_at_debug_level_unless_it_is_a_warning_or_an_error()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-in is a shell script.");
        using var files = new OllamaFiles();
        const string Lines =
            @"printf 'time=x level=INFO msg=quiet\n\033[31mred\033[0m evil\r2026 fake\n"
            + @"time=x level=WARN msg=careful\nllama_model_load: error loading model\n' >&2";
        foreach (var level in (string[])["info", "debug"])
        {
            await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["OLLAMA_EXECUTABLE_PATH"] = files.Script($"{Lines}\nexec '{OllamaFiles.Ollama}' \"$@\""),
                ["OLLAMA_BACKEND_PORT"] = $"{ProxyProcess.FreePort()}", ["LOG_LEVEL"] = level,
            });
            await Eventually.TrueAsync(() => proxy.Output.Contains("error loading model", StringComparison.Ordinal));

            Assert.Matches(@"(?m)^\S+  warn  ollama: time=x level=WARN msg=careful", proxy.Output);
            Assert.Matches(@"(?m)^\S+  error  ollama: llama_model_load: error loading model", proxy.Output);
            Assert.Equal(level == "debug", proxy.Output.Contains("debug  ollama: time=x level=INFO msg=quiet", StringComparison.Ordinal));
            Assert.Equal(level == "debug", proxy.Output.Contains("debug  ollama: red evil\ufffd2026 fake", StringComparison.Ordinal));
            Assert.DoesNotContain('\u001b', proxy.Output);
        }
    }

    [Fact]
    public async Task A_level_above_information_logs_no_requests()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(Variables(ollama)) { ["LOG_LEVEL"] = "warn" });

        await AskAsync(proxy, "/api/generate", "tiny");
        await proxy.SignalAsync("TERM");
        await proxy.ExitAsync();

        Assert.DoesNotContain("POST /api/generate", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unwritable_log_folder_stops_the_start()
    {
        var file = Path.GetTempFileName();

        var (code, output) = await ProxyProcess.RunAsync(
            new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9",
                ["LOG_DIR"] = Path.Combine(file, "logs"),
            });
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
