using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OllamaProxy.Host.Configuration;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

public sealed class CommandLineTests
{
    private static readonly Dictionary<string, string?> s_backend = new(StringComparer.Ordinal) { ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9" };

    [Fact]
    public async Task The_version_is_printed()
    {
        var (code, output) = await ProxyProcess.RunAsync(s_backend, "--version");

        Assert.Equal(0, code);
        Assert.Equal("ollama-proxy 0.1.0", output.Trim());
    }

    [Fact]
    public async Task Help_names_every_verb_and_every_setting()
    {
        var (code, output) = await ProxyProcess.RunAsync(s_backend, "--help");

        Assert.Equal(0, code);
        Assert.All(["serve", "start", "demo", "status", "doctor", "stats", "export", "import", "purge", "config", "completion", "version", "--version",
            "Examples:", .. EnvironmentVariables.All.Select(row => row.Name)], word => Assert.Contains(word, output, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("serv")]
    [InlineData("stauts")]
    [InlineData("--port")]
    [InlineData("")]
    public async Task An_unknown_command_is_an_error(string word)
    {
        var (code, output) = await ProxyProcess.RunAsync(s_backend, word);

        Assert.Equal(2, code);
        Assert.Contains(word.Length == 0 ? "--help" : $"'{word}'", output, StringComparison.Ordinal);
        Assert.Contains("--help", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("stauts", "status")]
    [InlineData("exprot", "export")]
    [InlineData("docter", "doctor")]
    public async Task A_misspelled_command_gets_a_suggestion(string word, string meant)
    {
        var (code, output) = await ProxyProcess.RunAsync(s_backend, word);

        Assert.Equal(2, code);
        Assert.Contains($"Did you mean '{meant}'?", output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("version")]
    [InlineData("status")]
    [InlineData("--help")]
    public async Task A_command_leaves_the_terminal_mode_unchanged(string argument)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The test creates a terminal with util-linux's script.");
        var start = new ProcessStartInfo("script", ["-qec", string.Join(' ', ProxyProcess.Program().Append(argument).Select(part => $"'{part}'")), "/dev/null"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true,
        };
        start.Environment["TERM"] = "xterm-256color";
        start.Environment.Remove("NO_COLOR");
        start.Environment["PROXY_PORT"] = $"{ProxyProcess.FreePort()}";
        using var terminal = Process.Start(start)!;
        var output = await terminal.StandardOutput.ReadToEndAsync().WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        await terminal.WaitForExitAsync(TestContext.Current.CancellationToken);

        Assert.Contains("ollama-proxy", output, StringComparison.Ordinal);
        Assert.Equal(argument == "status", output.Contains("\e[38;5;196mollama-proxy:\e[0m", StringComparison.Ordinal));
        Assert.DoesNotContain('\e', output.Replace("\e[38;5;196m", "", StringComparison.Ordinal).Replace("\e[0m", "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task All_invalid_settings_are_reported_at_once()
    {
        var (code, output) = await ProxyProcess.RunAsync(
            new Dictionary<string, string?>(s_backend) { ["PROXY_PORT"] = "8080abc", ["ANALYTICS_BACKEND"] = "mysql", ["PROXY_PROT"] = "1" });

        Assert.Equal(2, code);
        Assert.Contains("PROXY_PORT=\"8080abc\": must be 0 to 65535", output, StringComparison.Ordinal);
        Assert.Contains("ANALYTICS_BACKEND=\"mysql\": must be ", output, StringComparison.Ordinal);
        Assert.Contains("PROXY_PROT is not a setting of ollama-proxy. Did you mean PROXY_PORT?", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_unwritable_folder_stops_the_start_when_analytics_are_required()
    {
        var file = Path.GetTempFileName();
        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?>(s_backend)
        {
            ["ANALYTICS_BACKEND"] = "sqlite", ["ANALYTICS_REQUIRED"] = "true", ["ANALYTICS_DIR"] = Path.Combine(file, "store"),
        });
        File.Delete(file);

        Assert.Equal(2, code);
        Assert.Contains("ANALYTICS_DIR", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_stops_the_start()
    {
        using var holder = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        holder.Listen();
        var port = ((IPEndPoint)holder.LocalEndPoint!).Port;

        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?>(s_backend) { ["PROXY_PORT"] = $"{port}" });

        Assert.Equal(2, code);
        Assert.Contains($"Port {port} is in use", output, StringComparison.Ordinal);
        Assert.Contains("PROXY_PORT", output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_error_of_a_second_proxy_on_a_port_names_the_first()
    {
        await using var first = await ProxyProcess.StartAsync(s_backend, "start");

        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?>(s_backend) { ["PROXY_PORT"] = $"{first.Address.Port}" });

        Assert.Equal(2, code);
        Assert.Contains("in use by another ollama-proxy", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_arguments_it_serves_on_both_loopback_addresses()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "This machine has no IPv6.");
        await using var proxy = await ProxyProcess.StartAsync(new Dictionary<string, string?>(s_backend) { ["PROXY_HOST"] = null });

        Assert.Contains("http://127.0.0.1:", proxy.Output, StringComparison.Ordinal);
        Assert.True(proxy.Output.Contains("http://[::1]:", StringComparison.Ordinal) || proxy.Output.Contains("no IPv6", StringComparison.Ordinal));
    }
}
