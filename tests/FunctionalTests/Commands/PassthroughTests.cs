using System.Globalization;
using System.Text.RegularExpressions;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary>Commands that the proxy does not have go to Ollama: <c>ollama-proxy run phi4</c>.</summary>
public sealed partial class PassthroughTests : IDisposable
{
    private readonly OllamaFiles _files = new();
    private readonly int _port = ProxyProcess.FreePort();

    /// <summary>Serves as Ollama does; for every other command, prints its arguments.</summary>
    private string Ollama => _files.Script($"""[ "$1" = serve ] && exec '{OllamaFiles.Ollama}' "$@"; echo "asked: $* of $OLLAMA_HOST"; exit 7""");

    public void Dispose() => _files.Dispose();

    [Fact]
    public async Task An_ollama_command_runs_through_the_running_proxy()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-in for Ollama's command line is a shell script.");
        await using var proxy = await ProxyProcess.StartAsync(Variables());

        var (code, output) = await ProxyProcess.RunAsync(Variables(), "run", "phi4", "--verbose");

        Assert.Equal(7, code);
        Assert.Equal($"asked: run phi4 --verbose of http://127.0.0.1:{_port}/", output.Trim());
    }

    [Fact]
    public async Task An_ollama_command_starts_a_proxy_that_keeps_running()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The test reads sessions from /proc.");
        var (code, output) = await ProxyProcess.RunAsync(Variables(), "ls");

        Assert.Equal(7, code);
        Assert.Contains($"asked: ls of http://127.0.0.1:{_port}/", output, StringComparison.Ordinal);
        var process = int.Parse(Process().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        try
        {
            using var client = new HttpClient();
            Assert.Contains("ok", await client.GetStringAsync($"http://127.0.0.1:{_port}/healthz"), StringComparison.Ordinal);
            Assert.Contains("Ollama", await File.ReadAllTextAsync(Path.Combine(_files.Folder, "store", "logs", "ollama-proxy.log")), StringComparison.Ordinal);
            // The proxy detaches from its output once it is ready, which may be after it answered the first request.
            await Eventually.TrueAsync(() => File.ResolveLinkTarget($"/proc/{process}/fd/1", returnFinalTarget: false)!.FullName == "/dev/null");
        }
        finally
        {
            using var kill = System.Diagnostics.Process.Start("kill", ["-s", "TERM", $"{process}"]);
            await kill.WaitForExitAsync();
        }

        await Eventually.TrueAsync(() => !Directory.Exists($"/proc/{process}"));
    }

    [Fact]
    public async Task An_unknown_command_starts_no_proxy()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The stand-in for Ollama's command line is a shell script.");
        var (code, output) = await ProxyProcess.RunAsync(Variables(), "frobnicate");

        Assert.Equal((7, $"asked: frobnicate of http://127.0.0.1:{_port}/"), (code, output.Trim()));
    }

    private Dictionary<string, string?> Variables() => new(StringComparer.Ordinal)
    {
        ["PROXY_PORT"] = $"{_port}",
        ["OLLAMA_BACKEND_PORT"] = $"{ProxyProcess.FreePort()}",
        ["OLLAMA_EXECUTABLE_PATH"] = Ollama,
        ["ANALYTICS_DIR"] = Path.Combine(_files.Folder, "store"),
    };

    [GeneratedRegex(@"background \(process (\d+)\)")]
    private static partial Regex Process();
}
