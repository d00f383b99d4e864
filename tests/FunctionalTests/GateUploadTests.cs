using System.Net.Sockets;
using System.Text;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Large bodies at the gate: rejected unread, or abandoned by their client while queued.</summary>
public sealed class GateUploadTests
{
    private const int Size = 64 * 1024 * 1024;
    private const string Next = "GET /api/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task The_large_body_of_a_rejected_request_is_skipped_and_the_next_request_on_the_connection_is_answered(bool chunked)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartFullAsync(ollama);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        var stream = client.GetStream();

        var receiving = ReadToEndAsync(stream);
        await SendAsync(stream,
            $"POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\n{(chunked ? "Transfer-Encoding: chunked" : $"Content-Length: {Size}")}\r\n\r\n");
        await SendAsync(stream, chunked ? $"{Size:x}\r\n" : "");
        var block = new byte[1024 * 1024];
        for (var sent = 0; sent < Size; sent += block.Length)
        {
            await stream.WriteAsync(block);
        }

        await SendAsync(stream, (chunked ? "\r\n0\r\n\r\n" : "") + Next);
        var answers = await receiving.WaitAsync(Patience.Limit);

        Assert.StartsWith("HTTP/1.1 503 Service Unavailable\r\n", answers, StringComparison.Ordinal);
        Assert.EndsWith("""{"version":"0.32.15"}""", answers, StringComparison.Ordinal);
        Assert.Single(ollama.Received, request => request.Method == "POST");
    }

    [Fact]
    public async Task A_client_that_waits_for_100_continue_gets_it_and_then_503_when_its_body_has_arrived()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartFullAsync(ollama);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        var stream = client.GetStream();

        await SendAsync(stream, "POST /v1/audio/transcriptions HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
        var interim = new byte["HTTP/1.1 100 Continue\r\n\r\n".Length];
        await stream.ReadExactlyAsync(interim);
        await SendAsync(stream, "hello" + Next);
        var answers = await ReadToEndAsync(stream).WaitAsync(TimeSpan.FromSeconds(60));

        Assert.Equal("HTTP/1.1 100 Continue\r\n\r\n", Encoding.ASCII.GetString(interim));
        Assert.StartsWith("HTTP/1.1 503 Service Unavailable\r\n", answers, StringComparison.Ordinal);
        Assert.EndsWith("""{"version":"0.32.15"}""", answers, StringComparison.Ordinal);
    }

    /// <summary>More of the body is in flight than the server buffers, so the server cannot see the end of the connection behind it.</summary>
    [Fact]
    public async Task A_disconnect_in_the_middle_of_a_queued_large_body_is_detected_by_its_turn_at_the_latest()
    {
        var recorded = new RecordedRequests();
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartFullAsync(ollama, queue: 1, recorded);
        using (var client = new TcpClient("127.0.0.1", proxy.Port))
        {
            await SendAsync(client.GetStream(), $"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {Size}\r\n\r\n");
            _ = client.GetStream().WriteAsync(new byte[Size - 1]).AsTask();
            await Eventually.TrueAsync(async () =>
                (await proxy.Client.GetStringAsync("/metrics")).Contains("""ollama_queue_depth{endpoint="chat"} 1""", StringComparison.Ordinal));
        }

        proxy.Client.CancelPendingRequests();
        await Eventually.TrueAsync(() => recorded.All.Count == 2);

        Assert.All(recorded.All, exchange => Assert.Equal((ExchangeOutcome.ClientCancelled, (int?)null), (exchange.Outcome, exchange.StatusCode)));
        Assert.All(ollama.Received, request => Assert.False(request.IsAnswered));
        Assert.DoesNotContain(ollama.Received, request => request is { Target: "/api/chat", BodySha256: not null });
    }

    /// <summary>A proxy whose one slot is taken.</summary>
    private static async Task<ProxyUnderTest> StartFullAsync(SimulatedOllamaServer ollama, int queue = 0, RecordedRequests? recorded = null)
    {
        var proxy = await ProxyUnderTest.StartAsync(
            ollama.Address,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["MAX_CONCURRENT_REQUESTS"] = "1", ["MAX_QUEUED_REQUESTS"] = $"{queue}",
            ["SHUTDOWN_GRACE_SECONDS"] = "0" },
            builder => recorded?.Register(builder));
        ollama.Faults.Next(Fault.Hang);
        _ = proxy.Client.PostAsync("/api/generate", new StringContent("""{"model":"slow","prompt":"a"}"""));
        await Eventually.TrueAsync(() => ollama.Received is [{ BodySha256: not null }]);
        return proxy;
    }

    private static ValueTask SendAsync(NetworkStream stream, string text) => stream.WriteAsync(Encoding.ASCII.GetBytes(text));

    private static async Task<string> ReadToEndAsync(NetworkStream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII);
        return await reader.ReadToEndAsync();
    }
}
