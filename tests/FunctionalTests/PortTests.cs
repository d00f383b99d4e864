using System.Net;
using System.Net.Sockets;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Conflicts about the port: another program holds it before the start, or answers on localhost after it.</summary>
public sealed class PortTests
{
    private static readonly Dictionary<string, string?> s_backend = new() { ["OLLAMA_BACKEND_URL"] = "http://127.0.0.1:9" };

    [Fact]
    public async Task The_error_for_a_port_in_use_names_the_program_that_listens()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), SupervisedOllama.LinuxOnly);
        using var holder = Listen(IPAddress.Loopback, 0);

        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?>(s_backend) { ["PROXY_PORT"] = $"{PortOf(holder)}" });

        Assert.Equal(2, code);
        Assert.Contains($"(process {Environment.ProcessId}", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_error_for_an_Ollama_on_the_proxys_port_says_what_to_do()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), SupervisedOllama.LinuxOnly);
        await using var ollama = await SupervisedOllama.StartAsync();

        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?>(s_backend) { ["PROXY_PORT"] = $"{ollama.Port}" });

        Assert.Equal(2, code);
        Assert.Contains($"in use by an Ollama (0.32.15): ollama (process {ollama.FirstChild}", output, StringComparison.Ordinal);
        Assert.Contains($"PROXY_PORT=8080 OLLAMA_BACKEND_URL=http://127.0.0.1:{ollama.Port} ollama-proxy", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_program_that_answers_on_localhost_gives_a_warning()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "This machine has no IPv6.");
        using var other = Listen(IPAddress.IPv6Loopback, 0);
        var port = PortOf(other);

        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>(s_backend) { ["PROXY_PORT"] = $"{port}", ["PROXY_HOST"] = "127.0.0.1" });

        Assert.Contains($"warning: On [::1]:{port} a program that does not answer", proxy.Output, StringComparison.Ordinal);
        Assert.DoesNotContain($"warning: On 127.0.0.1:{port}", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_proxy_that_answers_on_localhost_gives_no_warning()
    {
        await using var proxy = await ProxyProcess.StartAsync(
            new Dictionary<string, string?>(s_backend) { ["PROXY_PORT"] = $"{ProxyProcess.FreePort()}", ["PROXY_HOST"] = "0.0.0.0" });

        Assert.DoesNotContain("warning:", proxy.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_backend_that_leads_back_to_the_proxy_stops_the_start()
    {
        var port = ProxyProcess.FreePort();
        var (code, output) = await ProxyProcess.RunAsync(new Dictionary<string, string?>
        {
            ["PROXY_PORT"] = $"{port}",
            // By a host name, so that the settings alone do not show the loop.
            ["PROXY_HOST"] = "0.0.0.0",
            ["OLLAMA_BACKEND_URL"] = $"http://{Dns.GetHostName()}:{port}",
        });

        Assert.Equal(2, code);
        Assert.Contains("leads back to this proxy", output, StringComparison.Ordinal);
    }

    private static Socket Listen(IPAddress address, int port)
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(address, port));
        socket.Listen();
        return socket;
    }

    private static int PortOf(Socket socket) => ((IPEndPoint)socket.LocalEndPoint!).Port;
}
