using System.IO.Compression;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Proxy;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The clients of these tests.</summary>
public sealed partial class BodyArrivalTests
{
    private static async Task<TcpClient> BeginUploadAsync(ProxyUnderTest proxy, SimulatedOllamaServer ollama, string path, bool chunked)
    {
        var client = new TcpClient("127.0.0.1", proxy.Port);
        var framing = chunked ? $"Transfer-Encoding: chunked\r\n\r\n{2 * Mebibyte:x}" : $"Content-Length: {2 * Mebibyte}\r\n";
        await SendAsync(client, $"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{framing}\r\n");
        await client.GetStream().WriteAsync(new byte[Mebibyte]);
        await Eventually.TrueAsync(() => ollama.Received.Count == 1);
        return client;
    }

    private static Task UntilOneWaitsAsync(ProxyUnderTest proxy) =>
        Eventually.TrueAsync(() => proxy.Services.GetRequiredService<ConcurrencyGate>().Waiting == 1);

    private static RunningRequests Running(ProxyUnderTest proxy) => proxy.Services.GetRequiredService<RunningRequests>();

    private static async Task<List<TcpClient>> OpenAsync(ProxyUnderTest proxy, int count, string text)
    {
        List<TcpClient> clients = [];
        for (var number = 0; number < count; number++)
        {
            var client = new TcpClient("127.0.0.1", proxy.Port);
            await SendAsync(client, text);
            clients.Add(client);
        }

        return clients;
    }

    private static ValueTask SendAsync(TcpClient client, string text) => client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(text));

    private static async Task<string> ReadAsync(TcpClient client, int length)
    {
        var bytes = new byte[length];
        await client.GetStream().ReadExactlyAsync(bytes).AsTask().WaitAsync(TimeSpan.FromSeconds(60));
        return Encoding.ASCII.GetString(bytes);
    }

    private static async Task<string> ReadToEndAsync(TcpClient client)
    {
        using var reader = new StreamReader(client.GetStream(), Encoding.ASCII, leaveOpen: true);
        return await reader.ReadToEndAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>The final response; Ollama's own 100 Continue may precede it.</summary>
    private static byte[] Gzip(string text)
    {
        var encoded = new MemoryStream();
        using (var stream = new GZipStream(encoded, CompressionLevel.Optimal))
        {
            stream.Write(Encoding.UTF8.GetBytes(text));
        }

        return encoded.ToArray();
    }

    private static string RawText(string answer) => Encoding.ASCII.GetString(RawHttp.WithoutInterim(Encoding.ASCII.GetBytes(answer)));

    private Task AdvanceUntilAsync(Func<bool> condition) => Eventually.TrueAsync(() =>
    {
        _time.Advance(TimeSpan.FromSeconds(1));
        return condition();
    });

    private Task<ProxyUnderTest> StartAsync(SimulatedOllamaServer ollama, bool withClock = false) => StartAsync(ollama.Address, withClock);

    private Task<ProxyUnderTest> StartAsync(Uri ollama, bool withClock = false) => ProxyUnderTest.StartAsync(
        ollama,
        new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["MAX_CONCURRENT_REQUESTS"] = "1", ["SHUTDOWN_GRACE_SECONDS"] = "0" },
        builder =>
        {
            _recorded.Register(builder);
            if (withClock)
            {
                builder.Services.AddSingleton<TimeProvider>(_time);
            }
        });
}
