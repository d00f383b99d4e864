using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text.Json;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>An Ollama that another program started, and the guard process for systems without a parent-death signal.</summary>
public sealed class SupervisionExternalTests
{
    [Fact]
    public async Task An_external_Ollama_that_goes_away_is_used_again_when_it_returns_and_never_replaced()
    {
        var port = ProxyProcess.FreePort();
        var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Port = port });
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?> { ["OLLAMA_BACKEND_PORT"] = $"{port}", ["OLLAMA_EXECUTABLE_PATH"] = OllamaFiles.Ollama });
        using var client = new HttpClient { BaseAddress = proxy.Address };
        Assert.Equal("external", await StateAsync(client));

        await ollama.DisposeAsync();
        // It may never return, so no request waits for it; and the proxy does not start an external Ollama.
        using var refused = await client.PostAsync("/api/generate", new StringContent("""{"model":"tiny","prompt":"hello"}"""));
        Assert.Equal(HttpStatusCode.BadGateway, refused.StatusCode);
        await Eventually.TrueAsync(async () => await StateAsync(client) == "unhealthy");

        await using var again = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Port = port });
        await Eventually.TrueAsync(async () => await StateAsync(client) == "external");
        Assert.Equal("Ollama is running", await client.GetStringAsync("/"));
        await proxy.SignalAsync("TERM");
        Assert.Equal(0, await proxy.ExitAsync());
        Assert.DoesNotContain("Started ", proxy.Output, StringComparison.Ordinal);
        Assert.Contains(again.Received, request => request.Target == "/");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task An_external_Ollama_that_never_answered_is_not_reported_as_ready(bool listens)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        if (!listens)
        {
            listener.Stop();
        }

        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?> { ["OLLAMA_BACKEND_URL"] = $"http://127.0.0.1:{port}" });
        using var client = new HttpClient { BaseAddress = proxy.Address };

        Assert.Contains($" is listening; Ollama at 127.0.0.1:{port} does not answer yet.", proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("ready", proxy.Output, StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => await StateAsync(client) == "unhealthy");

        listener.Stop();
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Port = port });
        await Eventually.TrueAsync(async () => await StateAsync(client) == "external");
    }

    [Fact]
    public async Task The_guard_ends_Ollama_and_its_runner_when_its_input_closes()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), SupervisedOllama.LinuxOnly);
        var (port, runnerPort) = (ProxyProcess.FreePort(), ProxyProcess.FreePort());
        using var guard = Guard(port, runnerPort);
        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(guard.Id).Count == 3);

        // The pipe closes in the same way when the program that holds its other end exits or is killed.
        guard.StandardInput.Close();

        await guard.WaitForExitAsync();
        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(guard.Id).Count == 0);
    }

    [Fact]
    public async Task The_guard_forwards_a_stop_signal_and_exits_with_Ollamas_exit_code()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), SupervisedOllama.LinuxOnly);
        using var guard = Guard(ProxyProcess.FreePort(), ProxyProcess.FreePort());
        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(guard.Id).Count == 3);

        // The supervisor signals the process group, whose leader is the guard.
        using var kill = Process.Start("kill", ["-s", "TERM", "--", $"-{guard.Id}"]);
        await guard.WaitForExitAsync();

        Assert.Equal(0, guard.ExitCode);
        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(guard.Id).Count == 0);
    }

    private static Process Guard(int port, int runnerPort)
    {
        var program = ProxyProcess.Program();
        var start = new ProcessStartInfo(program[0], [.. program.Skip(1), "__guard", OllamaFiles.Ollama, "serve"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["OLLAMA_HOST"] = $"127.0.0.1:{port}";
        start.Environment["SIMULATED_OLLAMA_RUNNER_PORT"] = $"{runnerPort}";
        var guard = Process.Start(start)!;
        guard.BeginErrorReadLine();
        guard.BeginOutputReadLine();
        return guard;
    }

    private static async Task<string?> StateAsync(HttpClient client) =>
        (await client.GetFromJsonAsync<JsonElement>("/analytics/ollama")).GetProperty("state").GetString();
}
