using System.Diagnostics;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary>Installs under a folder that stands in for the root, and checks the result with systemd's own tool.</summary>
public sealed class InstallCommandTests : IDisposable
{
    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("ollama-proxy-root-");

    public void Dispose() => _root.Delete(recursive: true);

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_systemd_unit_passes_systemd_analyze_verify(bool besideOllamasUnit)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "This machine has no systemd-analyze.");
        if (besideOllamasUnit)
        {
            Write("etc/systemd/system/ollama.service", "[Service]\nExecStart=/usr/local/bin/ollama serve\n");
        }

        var (code, output) = await RunAsync("install", "--take-over");
        Assert.True(code == 0, output);

        // systemd-analyze requires that the executable exists.
        var unit = (await File.ReadAllTextAsync(At("etc/systemd/system/ollama-proxy.service"))).Replace("/usr/local/bin/ollama-proxy",
            At("usr/local/bin/ollama-proxy"), StringComparison.Ordinal)
            .Replace("User=root", "User=nobody", StringComparison.Ordinal);
        Write("check/ollama-proxy.service", unit);
        var (verified, problems) = await AnalyzeAsync("verify", "--recursive-errors=no", At("check/ollama-proxy.service"));
        Assert.True(verified == 0, problems);
        Assert.DoesNotContain("Unknown", problems, StringComparison.Ordinal);

        var (_, score) = await AnalyzeAsync("security", "--offline=true", "--no-pager", At("check/ollama-proxy.service"));
        Assert.Matches(besideOllamasUnit ? "Overall exposure level.*: [01]\\.\\d (OK|SAFE)" : "Overall exposure level.*: [0-4]\\.\\d (OK|SAFE|MEDIUM)", score);
    }

    [Fact]
    public async Task An_uninstall_leaves_only_the_settings_and_a_new_install_keeps_them()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The paths and file modes are those of Linux.");
        Write("etc/systemd/system/ollama.service", "[Service]\nExecStart=/usr/local/bin/ollama serve\n");
        await RunAsync("install", "--take-over", "--proxy-host", "0.0.0.0");
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(At("etc/ollama-proxy/ollama-proxy.env")));
        }

        await File.AppendAllTextAsync(At("etc/ollama-proxy/ollama-proxy.env"), "MAX_QUEUED_REQUESTS=7\n");

        var (code, _) = await RunAsync("uninstall");
        Assert.Equal(0, code);
        Assert.Equal(
            ["etc/ollama-proxy/ollama-proxy.env", "etc/systemd/system/ollama.service"],
            Directory.GetFiles(_root.FullName, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(_root.FullName, file))
                .Order(StringComparer.Ordinal));

        await RunAsync("install", "--take-over", "--log-level", "warn");
        var settings = await File.ReadAllTextAsync(At("etc/ollama-proxy/ollama-proxy.env"));
        Assert.Contains("\nMAX_QUEUED_REQUESTS=7\n", settings, StringComparison.Ordinal);
        Assert.Contains("\nPROXY_HOST=0.0.0.0\n", settings, StringComparison.Ordinal);
        Assert.Contains("\nLOG_LEVEL=warn\n", settings, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_upgrade_keeps_the_address_of_Ollama_and_new_options_change_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The paths and file modes are those of Linux.");
        Write("etc/systemd/system/ollama.service", "[Service]\nExecStart=/usr/local/bin/ollama serve\n");
        var dropIn = At("etc/systemd/system/ollama.service.d/zz-ollama-proxy.conf");
        var settings = At("etc/ollama-proxy/ollama-proxy.env");
        await RunAsync("install", "--take-over", "--ollama-backend-port", "12000");
        await RunAsync("install", "--take-over");
        Assert.Contains("127.0.0.1:12000", await File.ReadAllTextAsync(dropIn), StringComparison.Ordinal);
        Assert.Contains("\nOLLAMA_BACKEND_URL=http://127.0.0.1:12000\n", await File.ReadAllTextAsync(settings), StringComparison.Ordinal);

        await RunAsync("install", "--no-take-over", "--proxy-port", "11433");
        Assert.False(File.Exists(dropIn));
        Assert.Contains("\nOLLAMA_BACKEND_URL=http://127.0.0.1:11434\n", await File.ReadAllTextAsync(settings), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_token_is_not_shown()
    {
        var (_, output) = await RunAsync("install", "--take-over", "--dry-run", "--analytics-token", "a-secret-that-nobody-sees");

        Assert.Contains("ANALYTICS_TOKEN=(hidden)", output, StringComparison.Ordinal);
        Assert.DoesNotContain("a-secret-that-nobody-sees", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_dry_run_prints_every_step_and_changes_nothing()
    {
        var (code, output) = await RunAsync("install", "--take-over", "--dry-run");

        Assert.Equal(0, code);
        Assert.Contains("- write /etc/systemd/system/ollama-proxy.service", output, StringComparison.Ordinal);
        Assert.Contains("Type=notify", output, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_root.FullName));
    }

    private string At(string path) => Path.Combine(_root.FullName, path);

    private void Write(string path, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(path))!);
        File.WriteAllText(At(path), text);
    }

    private Task<(int ExitCode, string Output)> RunAsync(params string[] arguments) =>
        ProxyProcess.RunAsync(
            new Dictionary<string, string?>(StringComparer.Ordinal) { ["PROXY_PORT"] = null, ["PROXY_HOST"] = null, ["ANALYTICS_BACKEND"] = null },
                [.. arguments, "--root", _root.FullName, "--system", "linux"]);

    private static async Task<(int ExitCode, string Output)> AnalyzeAsync(params string[] arguments)
    {
        using var process = Process.Start(
            new ProcessStartInfo("/usr/bin/systemd-analyze", arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var texts = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return (process.ExitCode, string.Concat(texts));
    }
}
