using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

public sealed class SupervisionTests : IDisposable
{
    private const string LinuxOnly = "The test needs process groups and /proc of Linux.";

    private readonly OllamaFiles _files = new();
    private readonly HttpClient _client = new() { Timeout = Patience.Limit };

    [Fact]
    public async Task An_Ollama_is_started_in_a_process_group_of_its_own_and_answers()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        var port = ProxyProcess.FreePort();
        await using var proxy = await ProxyProcess.StartAsync(Variables(OllamaFiles.Ollama, port));

        Assert.Contains("0.32.15", await _client.GetStringAsync($"http://127.0.0.1:{port}/api/version"), StringComparison.Ordinal);
        Assert.Equal("""{"status":"ok","store":{"state":"ok"}}""", await _client.GetStringAsync(new Uri(proxy.Address, "/healthz")));
        Assert.Equal([proxy.ChildId], OllamaFiles.RunningInGroup(proxy.ChildId));
    }

    [Fact]
    public async Task Ollama_gets_the_environment_without_our_secrets_and_with_its_address_and_our_mark()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        var port = ProxyProcess.FreePort();
        var variables = Variables(OllamaFiles.Ollama, port);
        variables["OLLAMA_KEEP_ALIVE"] = "7m";
        variables["OLLAMA_ORIGINS"] = "http://example.com";
        variables["ANALYTICS_TOKEN"] = variables["METRICS_TOKEN"] = "a-secret-of-ours-alone";
        variables["OTEL_EXPORTER_OTLP_HEADERS"] = "api-key=a-secret-of-ours-alone";
        await using var proxy = await ProxyProcess.StartAsync(variables);

        var own = (await File.ReadAllTextAsync($"/proc/{proxy.Id}/environ")).Split('\0');
        var child = (await File.ReadAllTextAsync($"/proc/{proxy.ChildId}/environ")).Split('\0');

        Assert.Collection(
            child.Except(own).Order(StringComparer.Ordinal),
            variable => Assert.Equal($"OLLAMA_HOST=127.0.0.1:{port}", variable),
            variable => Assert.StartsWith($"OLLAMA_PROXY_OWNER={proxy.Id}.", variable, StringComparison.Ordinal));
        Assert.Equal(
            ["ANALYTICS_TOKEN", "METRICS_TOKEN", "OTEL_EXPORTER_OTLP_HEADERS"],
            own.Except(child).Select(variable => variable.Split('=')[0]).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_stop_ends_Ollama_and_the_runners_it_started()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        await using var proxy = await ProxyProcess.StartAsync(Variables(_files.WithRunner(), ProxyProcess.FreePort()));
        Assert.Equal(2, OllamaFiles.RunningInGroup(proxy.ChildId).Count);

        await proxy.SignalAsync("TERM");

        Assert.Equal(0, await proxy.ExitAsync());
        Assert.Empty(OllamaFiles.RunningInGroup(proxy.ChildId));
    }

    [Fact]
    public async Task A_runner_that_ignores_the_stop_is_killed_after_five_seconds()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        await using var proxy = await ProxyProcess.StartAsync(Variables(_files.WithRunner(stubborn: true), ProxyProcess.FreePort()));
        var watch = Stopwatch.StartNew();

        await proxy.SignalAsync("TERM");

        Assert.Equal(0, await proxy.ExitAsync());
        Assert.True(watch.Elapsed >= TimeSpan.FromSeconds(4.9), $"It was killed after {watch.Elapsed}.");
        Assert.Empty(OllamaFiles.RunningInGroup(proxy.ChildId));
    }

    [Fact]
    public async Task A_second_interrupt_kills_every_process_at_once()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        await using var proxy = await ProxyProcess.StartAsync(Variables(_files.WithRunner(stubborn: true), ProxyProcess.FreePort()));

        // The proxy is still stopping after the first interrupt: Ollama has exited, but its runner has not.
        await proxy.SignalAsync("INT", group: true);
        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(proxy.ChildId).Count == 1);
        await proxy.SignalAsync("INT", group: true);

        Assert.Equal(130, await proxy.ExitAsync());
        Assert.Contains("Stopped at once by a second Ctrl+C", proxy.Output, StringComparison.Ordinal);
        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(proxy.ChildId).Count == 0);
    }

    [Fact]
    public async Task A_proxy_that_is_killed_takes_its_Ollama_with_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        await using var proxy = await ProxyProcess.StartAsync(Variables(OllamaFiles.Ollama, ProxyProcess.FreePort()));

        await proxy.SignalAsync("KILL");

        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(proxy.ChildId).Count == 0);
    }

    [Fact]
    public async Task An_Ollama_that_already_runs_is_used_and_left_running()
    {
        var port = ProxyProcess.FreePort();
        using var ollama = await RunningOllamaAsync(port);
        try
        {
            await using var proxy = await ProxyProcess.StartAsync(Variables("/nowhere/ollama", port));
            Assert.Contains("already running", proxy.Output, StringComparison.Ordinal);

            await proxy.SignalAsync("TERM");

            Assert.Equal(0, await proxy.ExitAsync());
            Assert.Equal("Ollama is running", await _client.GetStringAsync($"http://127.0.0.1:{port}/"));
        }
        finally
        {
            ollama.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task Without_an_Ollama_the_start_fails_with_instructions()
    {
        var (code, output) = await ProxyProcess.RunAsync(Variables("/nowhere/ollama", ProxyProcess.FreePort()));

        Assert.Equal(2, code);
        Assert.Contains("OLLAMA_EXECUTABLE_PATH=\"/nowhere/ollama\"", output, StringComparison.Ordinal);
        Assert.Contains("https://ollama.com/download", output, StringComparison.Ordinal);
        Assert.Contains("OLLAMA_BACKEND_URL", output, StringComparison.Ordinal);
        Assert.Contains("ollama-proxy demo", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_Ollama_that_dies_while_starting_fails_the_start_with_its_last_output()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-in is a shell script.");
        var (code, output) = await ProxyProcess.RunAsync(Variables(_files.Script("echo 'Error: no space for models' >&2; exit 3"), ProxyProcess.FreePort()));

        Assert.Equal(2, code);
        Assert.Contains("Ollama exited unexpectedly (exit code 3): Error: no space for models.", output, StringComparison.Ordinal);
        Assert.Contains("Error: no space for models", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_reason_of_a_panic_is_shown_without_its_stack_trace()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-in is a shell script.");
        var (code, output) = await ProxyProcess.RunAsync(
            new Dictionary<string, string?>(Variables(OllamaFiles.Ollama, ProxyProcess.FreePort())) { ["OLLAMA_ORIGINS"] = "foo.example" });

        Assert.Equal(2, code);
        Assert.Contains("Ollama exited unexpectedly (exit code 2): panic: bad origin: origins must contain '*'", output, StringComparison.Ordinal);
        Assert.DoesNotContain("runtime.gopanic", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_Ollama_that_dies_later_is_reported_with_its_exit_code()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        await using var proxy = await ProxyProcess.StartAsync(Variables(OllamaFiles.Ollama, ProxyProcess.FreePort()));

        using var kill = Process.Start("kill", ["-s", "KILL", $"{proxy.ChildId}"]);
        await Eventually.TrueAsync(() => proxy.Output.Contains("Ollama exited unexpectedly (exit code 137)", StringComparison.Ordinal));

        Assert.False(proxy.HasExited);
    }

    [Fact]
    public async Task Ollama_listens_on_OLLAMA_HOST_and_a_public_address_gives_a_warning()
    {
        var port = ProxyProcess.FreePort();
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>
        {
            ["OLLAMA_EXECUTABLE_PATH"] = OllamaFiles.Ollama,
            ["OLLAMA_HOST"] = $"0.0.0.0:{port}",
            ["LOG_LEVEL"] = "debug",
        });

        Assert.Contains("lets other machines bypass the proxy", proxy.Output, StringComparison.Ordinal);
        Assert.Contains($"Listening on [::]:{port}", proxy.Output, StringComparison.Ordinal);
        Assert.Equal("Ollama is running", await _client.GetStringAsync(proxy.Address));
    }

    [Fact]
    public async Task Endless_output_lines_neither_block_Ollama_nor_fill_the_log()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), LinuxOnly);
        var script = _files.Script($"head -c 3000000 /dev/zero | tr '\\0' x; echo; exec '{OllamaFiles.Ollama}' \"$@\"");
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>(Variables(script, ProxyProcess.FreePort())) { ["LOG_LEVEL"] = "debug" });

        Assert.Contains("xxx…", proxy.Output, StringComparison.Ordinal);
        Assert.True(proxy.Output.Length < 20_000);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Another_program_on_the_private_port_is_never_taken_for_Ollama(bool portChosen)
    {
        using var foreign = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var port = portChosen ? 0 : 11435;
        try
        {
            foreign.Bind(new IPEndPoint(IPAddress.Loopback, port));
            foreign.Listen();
        }
        catch (SocketException)
        {
            Assert.Skip("Another program uses the default port 11435, which this case needs.");
        }

        var variables = Variables(OllamaFiles.Ollama, ((IPEndPoint)foreign.LocalEndPoint!).Port);
        if (portChosen)
        {
            var (code, output) = await ProxyProcess.RunAsync(variables);
            Assert.Equal(2, code);
            Assert.Contains("(OLLAMA_BACKEND_PORT) is in use by a program that does not answer", output, StringComparison.Ordinal);
            return;
        }

        variables.Remove("OLLAMA_BACKEND_PORT");
        await using var proxy = await ProxyProcess.StartAsync(variables);
        Assert.Contains("Port 11435 is in use by a program that does not answer", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_proxy_on_the_private_port_is_never_taken_for_Ollama()
    {
        await using var other = await ProxyProcess.StartAsync(Variables(OllamaFiles.Ollama, ProxyProcess.FreePort()));

        var (code, output) = await ProxyProcess.RunAsync(Variables(OllamaFiles.Ollama, other.Address.Port));

        Assert.Equal(2, code);
        Assert.Contains("is in use by another ollama-proxy", output, StringComparison.Ordinal);
    }

    public void Dispose()
    {
        _client.Dispose();
        _files.Dispose();
    }

    private static Dictionary<string, string?> Variables(string executable, int backendPort) => new(StringComparer.Ordinal)
    {
        ["OLLAMA_EXECUTABLE_PATH"] = executable,
        ["OLLAMA_BACKEND_PORT"] = $"{backendPort}",
    };

    private async Task<Process> RunningOllamaAsync(int port)
    {
        var start = new ProcessStartInfo(OllamaFiles.Ollama, "serve") { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OLLAMA_HOST"] = $"127.0.0.1:{port}";
        var process = Process.Start(start)!;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await Eventually.TrueAsync(async () =>
        {
            try
            {
                return (await _client.GetAsync($"http://127.0.0.1:{port}/api/version")).IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        return process;
    }
}
