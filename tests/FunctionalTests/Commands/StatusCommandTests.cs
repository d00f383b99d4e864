using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary><c>status</c>, <c>doctor</c>, <c>config</c> and shell completion.</summary>
public sealed class StatusCommandTests
{
    private static readonly Dictionary<string, string?> s_nowhere = new(StringComparer.Ordinal) { ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9" };

    [Fact]
    public async Task The_status_of_a_running_proxy_is_printed()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions());
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>(StringComparer.Ordinal) { ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(), ["OLLAMA_POLL_SECONDS"] = "1" });
        using var client = new HttpClient { BaseAddress = proxy.Address };
        using var answer = await client.PostAsync("/api/generate", new StringContent("""{"model":"tiny","prompt":"hi","stream":false}"""));
        await Eventually.TrueAsync(async () => (await client.GetStringAsync("/analytics/ollama")).Contains("\"tiny:latest\"", StringComparison.Ordinal));
        var where = new[] { "--proxy-port", $"{proxy.Address.Port}" };

        var (code, text) = await ProxyProcess.RunAsync(s_nowhere, ["status", .. where]);
        Assert.Equal(0, code);
        Assert.Contains("external", text, StringComparison.Ordinal);
        Assert.Matches(@"tiny:latest  .+GPU, context .+, unloads in ", text);
        Assert.Contains("0 running, 0 queued", text, StringComparison.Ordinal);

        (code, text) = await ProxyProcess.RunAsync(s_nowhere, ["status", "--json", .. where]);
        using var json = JsonDocument.Parse(text);
        Assert.Equal((0, true), (code, json.RootElement.GetProperty("ollama").GetProperty("is_up").GetBoolean()));

        (code, text) = await ProxyProcess.RunAsync(s_nowhere, ["status", "--check", .. where]);
        Assert.Equal((0, ""), (code, text));

        (code, text) = await ProxyProcess.RunAsync(s_nowhere, ["doctor", .. where]);
        Assert.Contains($"ok    port {proxy.Address.Port}: ollama-proxy answers.", text, StringComparison.Ordinal);
        Assert.Contains("tiny:latest: ", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_a_proxy_the_exit_code_is_an_error()
    {
        var where = new[] { "--proxy-port", $"{ProxyProcess.FreePort()}" };

        var (code, text) = await ProxyProcess.RunAsync(s_nowhere, ["status", .. where]);
        Assert.Equal((3, true), (code, text.Contains("no ollama-proxy runs on", StringComparison.Ordinal)));

        (code, _) = await ProxyProcess.RunAsync(s_nowhere, ["status", "--check", .. where]);
        Assert.Equal(1, code);
    }

    [Fact]
    public async Task The_doctor_finds_what_is_wrong_and_says_what_to_do()
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["PROXY_PORT"] = "eighty", ["OLLAMA_KEEP_ALIVE"] = "0", ["OLLAMA_EXECUTABLE_PATH"] = "/nowhere/ollama", ["ANALYTICS_BACKEND"] = "sqlite",
            ["ANALYTICS_DIR"] = Path.GetTempPath(),
        };

        var (code, text) = await ProxyProcess.RunAsync(variables, "doctor");

        Assert.Equal(1, code);
        Assert.Contains("bad   settings: PROXY_PORT=\"eighty\"", text, StringComparison.Ordinal);
        Assert.Contains("warn  environment: OLLAMA_KEEP_ALIVE=0 unloads a model after each response", text, StringComparison.Ordinal);
        Assert.Contains("bad   ollama: no ollama executable was found.", text, StringComparison.Ordinal);
        Assert.Contains("OLLAMA_BACKEND_URL", text, StringComparison.Ordinal);
        Assert.Contains("can be written (sqlite)", text, StringComparison.Ordinal);

        (_, text) = await ProxyProcess.RunAsync(variables, "doctor", "--json");
        using var json = JsonDocument.Parse(text);
        Assert.Contains(json.RootElement.EnumerateArray(),
            finding => finding.GetProperty("verdict").GetString() == "bad" && finding.GetProperty("about").GetString() == "settings");
    }

    [Fact]
    public async Task An_option_takes_precedence_over_the_environment_and_that_over_the_default()
    {
        var variables =
            new Dictionary<string, string?>(StringComparer.Ordinal)
            {
                ["PROXY_PORT"] = "4001",
                ["OLLAMA_BACKEND_PORT"] = "4002",
                ["ANALYTICS_TOKEN"] = "a-secret-that-nobody-sees",
            };

        var (code, text) = await ProxyProcess.RunAsync(variables, "config", "--proxy-port", "4003");

        Assert.Equal(0, code);
        Assert.Matches(@"(?m)^PROXY_PORT +4003 +option\r?$", text);
        Assert.Matches(@"(?m)^OLLAMA_BACKEND_PORT +4002 +environment\r?$", text);
        Assert.Matches(@"(?m)^QUEUE_TIMEOUT_SECONDS +0 +default\r?$", text);
        Assert.DoesNotContain('\e', text);
        Assert.Matches(@"(?m)^ANALYTICS_TOKEN +\(hidden\) +environment\r?$", text);
        Assert.DoesNotContain("a-secret-that-nobody-sees", text, StringComparison.Ordinal);

        (code, text) = await ProxyProcess.RunAsync(variables, "config", "--max-queued-requests", "many");
        Assert.Equal(1, code);
        Assert.Contains("--max-queued-requests=\"many\": must be 0 to 100000", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Changed_settings_are_those_that_differ_from_their_defaults()
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal)
        {
            ["PROXY_PORT"] = "11434", ["PROXY_HOST"] = null, ["ANALYTICS_BACKEND"] = "sqlite", ["TRACK_EMBEDDINGS"] = "YES", ["LOG_LEVEL"] = "warn",
            ["ANALYTICS_TOKEN"] = "a-secret-that-nobody-sees",
        };

        var (code, text) = await ProxyProcess.RunAsync(variables, "config", "--changed", "--max-queued-requests", "7");

        Assert.Equal(0, code);
        Assert.Equal(
            ["MAX_QUEUED_REQUESTS  7         option", "ANALYTICS_TOKEN      (hidden)  environment", "LOG_LEVEL            warn      environment"],
            text.ReplaceLineEndings("\n").TrimEnd().Split('\n'));

        (_, text) = await ProxyProcess.RunAsync(variables, "config", "--changed", "--json");
        using var json = JsonDocument.Parse(text);
        Assert.Equal(["ANALYTICS_TOKEN", "LOG_LEVEL"], json.RootElement.EnumerateArray().Select(row => row.GetProperty("name").GetString()));
    }

    [Fact]
    public async Task Commands_use_colors_as_the_environment_says()
    {
        var variables = new Dictionary<string, string?>(s_nowhere, StringComparer.Ordinal) { ["FORCE_COLOR"] = "1", ["PROXY_PORT"] = "eighty" };

        var (_, doctor) = await ProxyProcess.RunAsync(variables, "doctor");
        var (_, config) = await ProxyProcess.RunAsync(variables, "config");

        Assert.Contains("\e[38;5;28mok\e[0m    program: ", doctor, StringComparison.Ordinal);
        Assert.Contains("\e[38;5;196mbad\e[0m   settings: ", doctor, StringComparison.Ordinal);
        Assert.Contains("\e[38;5;31menvironment\e[0m", config, StringComparison.Ordinal);
        Assert.DoesNotContain("\e[4", doctor + config, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_command_shows_a_password_in_a_url()
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal) { ["OLLAMA_BACKEND_URL"] = "http://me:hunter2@gpu.lan" };

        foreach (var command in (string[])["config", "config --json", "doctor", "doctor --json", "serve", "status", "install --dry-run"])
        {
            var (code, text) = await ProxyProcess.RunAsync(variables, command.Split(' '));

            Assert.NotEqual(0, code);
            Assert.Contains("OLLAMA_BACKEND_URL", text, StringComparison.Ordinal);
            Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_command_reads_the_token_from_the_environment_or_from_the_settings_of_the_service()
    {
        const string Token = "a-secret-of-the-service";
        var with = new Dictionary<string, string?>(s_nowhere, StringComparer.Ordinal) { ["ANALYTICS_TOKEN"] = Token };
        await using var proxy = await ProxyProcess.StartAsync(with);
        var port = $"{proxy.Address.Port}";

        var (_, without) = await ProxyProcess.RunAsync(s_nowhere, "status", "--proxy-port", port);
        var (_, environment) = await ProxyProcess.RunAsync(with, "status", "--proxy-port", port);

        Assert.Contains("set ANALYTICS_TOKEN", without, StringComparison.Ordinal);
        Assert.Contains("Last minute", environment, StringComparison.Ordinal);

        // The settings of the service are a file in /etc, so the test replaces it in a mount namespace of its own.
        var etc = Directory.CreateTempSubdirectory("ollama-proxy-etc-");
        Directory.CreateDirectory(Path.Combine(etc.FullName, "ollama-proxy"));
        await File.WriteAllTextAsync(Path.Combine(etc.FullName, "ollama-proxy", "ollama-proxy.env"), $"#PROXY_PORT=1\nANALYTICS_TOKEN={Token}\n");
        var program = $"unshare --mount sh -c \"mount --bind {etc.FullName} /etc && {string.Join(' ', ProxyProcess.Program())}";
        var status = await ShellAsync($"{program} status --proxy-port {port}\" 2>&1");
        var elsewhere = await ShellAsync($"{program} status --url http://127.0.0.1:{port}\" 2>&1");
        etc.Delete(recursive: true);
        Assert.SkipWhen(status.Contains("unshare: ", StringComparison.Ordinal), "A mount namespace requires Linux and root.");
        Assert.Contains("Last minute", status, StringComparison.Ordinal);
        // The host in --url may be another machine, which must not get the token of this one.
        Assert.Contains("set ANALYTICS_TOKEN", elsewhere, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Shell_completion_offers_verbs_options_and_values()
    {
        Assert.SkipUnless(File.Exists("/bin/bash"), "This machine has no bash.");

        Assert.Contains("status", await CompleteAsync("ollama-proxy sta"), StringComparison.Ordinal);
        Assert.Contains("--start-time", await CompleteAsync("ollama-proxy export --sta"), StringComparison.Ordinal);
        Assert.Contains("jsonl", await CompleteAsync("ollama-proxy export --format js"), StringComparison.Ordinal);
    }

    /// <summary>The completions that bash offers for a line, by the script of the program.</summary>
    private static async Task<string> CompleteAsync(string line)
    {
        var (_, script) = await ProxyProcess.RunAsync(s_nowhere, "completion", "bash");
        var words = line.Split(' ');
        var program = string.Join(' ', ProxyProcess.Program().Select(part => $"'{part}'"));
        return await ShellAsync(
            $"""
             {script}
             ollama-proxy() {program.Insert(0, "{ ")} "$@"; {"}"}
             COMP_LINE='{line}' COMP_POINT={line.Length} COMP_WORDS=({string.Join(' ', words.Select(word => $"'{word}'"))}) COMP_CWORD={words.Length - 1}
             _ollama_proxy
             printf '%s\n' "{"${COMPREPLY[@]}"}"
             """);
    }

    private static async Task<string> ShellAsync(string script)
    {
        using var bash = System.Diagnostics.Process.Start(
            new System.Diagnostics.ProcessStartInfo("/bin/bash", ["-c", script]) { RedirectStandardOutput = true })!;
        var output = await bash.StandardOutput.ReadToEndAsync();
        await bash.WaitForExitAsync();
        return output;
    }
}
