using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A process without free file descriptors: connected clients are served, and new ones wait.</summary>
public sealed class FileDescriptorTests
{
    private const int Limit = 400;
    private const string Waiting = "New connections on 127.0.0.1";

    [Fact]
    public async Task Idle_connections_cannot_take_the_descriptors_that_connected_clients_need()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The limit is set with prlimit.");
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await ProxyProcess.StartUnderAsync(["prlimit", $"--nofile={Limit}"], Variables(ollama));
        List<HttpClient> early = [.. Enumerable.Range(0, 10).Select(_ => Client(proxy))];
        foreach (var client in early)
        {
            Assert.NotEmpty(await client.GetStringAsync("/healthz", TestContext.Current.CancellationToken));
        }

        List<Socket> idle = [];
        for (var number = 0; number < Limit; number++)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            idle.Add(socket);
            await socket.ConnectAsync(IPAddress.Loopback, proxy.Address.Port, TestContext.Current.CancellationToken);
        }

        await Eventually.TrueAsync(() => proxy.Output.Contains(Waiting, StringComparison.Ordinal), TimeSpan.FromSeconds(60));
        foreach (var client in early)
        {
            Assert.NotEmpty(await client.GetStringAsync("/healthz", TestContext.Current.CancellationToken));
            Assert.Contains("version", await client.GetStringAsync("/api/version", TestContext.Current.CancellationToken), StringComparison.Ordinal);
        }

        Assert.Single(proxy.Output.Split('\n'), line => line.Contains(Waiting, StringComparison.Ordinal));
        idle.ForEach(socket => socket.Dispose());
        using var late = Client(proxy);
        Assert.Contains("version", await late.GetStringAsync("/api/version", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_any_descriptor_the_proxy_logs_the_reason_and_recovers()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The limit is set with prlimit.");
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await ProxyProcess.StartAsync(Variables(ollama));
        using var early = Client(proxy);
        Assert.NotEmpty(await early.GetStringAsync("/healthz", TestContext.Current.CancellationToken));

        await LimitAsync(proxy, 3);
        using var late = Client(proxy);
        var answer = late.GetStringAsync("/api/version", TestContext.Current.CancellationToken);
        await Eventually.TrueAsync(() => proxy.Output.Contains(Waiting, StringComparison.Ordinal), TimeSpan.FromSeconds(60));
        using var refused = await early.GetAsync("/api/tags", TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Contains("no file descriptors are left", await refused.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
        Assert.False(answer.IsCompleted);

        await LimitAsync(proxy, 4_096);
        Assert.Contains("version", await answer, StringComparison.Ordinal);
    }

    private static async Task LimitAsync(ProxyProcess proxy, int files)
    {
        using var prlimit = Process.Start("prlimit", ["--pid", $"{proxy.Id}", $"--nofile={files}:"]);
        await prlimit.WaitForExitAsync();
        Assert.Equal(0, prlimit.ExitCode);
    }

    /// <summary>Disables the polls of Ollama, so that the proxy has no connection to it yet.</summary>
    private static Dictionary<string, string?> Variables(SimulatedOllamaServer ollama) => new()
    {
        ["OLLAMA_BACKEND_URL"] = ollama.Address.ToString(),
        ["OLLAMA_POLL_SECONDS"] = "0",
        ["OLLAMA_HEALTH_INTERVAL_SECONDS"] = "3600",
    };

    /// <summary>A client with its own connection.</summary>
    private static HttpClient Client(ProxyProcess proxy) => new() { BaseAddress = proxy.Address, Timeout = TimeSpan.FromSeconds(60) };
}
