using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Timing: tokens arrive as they are produced, and a disconnect is detected at once.</summary>
public sealed class StreamingTests
{
    private const string StreamHead = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";
    private const string Line = "{\"response\":\"x\",\"done\":false}\n";

    private readonly RecordedRequests _recorded = new();

    [Fact]
    public async Task Tokens_reach_the_client_as_they_are_produced()
    {
        var seen = Channel.CreateUnbounded<bool>();
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes(StreamHead));
            for (var token = 0; token < 20; token++)
            {
                await connection.WriteAsync(Encoding.ASCII.GetBytes($"{Line.Length:x}\r\n{Line}\r\n"));
                // The upstream sends the next token only after the client has this one, so a proxy that buffers would hang here.
                await seen.Reader.ReadAsync(TestContext.Current.CancellationToken);
            }

            var last = "{\"response\":\"\",\"done\":true,\"eval_count\":20}\n";
            await connection.WriteAsync(Encoding.ASCII.GetBytes($"{last.Length:x}\r\n{last}\r\n0\r\n\r\n"));
            return true;
        });
        await using var proxy = await StartAsync(upstream.Address);

        using var answer = await proxy.Client.SendAsync(
            new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent("{\"model\":\"a\"}") },
            HttpCompletionOption.ResponseHeadersRead,
            TestContext.Current.CancellationToken);
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
        var count = 0;
        while (await lines.ReadLineAsync(TestContext.Current.CancellationToken) is not null)
        {
            count++;
            seen.Writer.TryWrite(true);
        }

        var exchange = await _recorded.SingleAsync();
        Assert.Equal(21, count);
        Assert.Equal((ExchangeOutcome.Completed, 20, 20), (exchange.Outcome, exchange.Response.Usage.CompletionTokens, exchange.Response.ContentPieces));
        Assert.NotNull(exchange.Response.TimeToFirstToken);
        Assert.InRange(exchange.Response.LongestGap!.Value, exchange.Response.MeanGap!.Value, exchange.Duration);
    }

    [Fact]
    public async Task A_client_that_disconnects_in_a_stream_is_recorded_as_cancelled_and_ollama_notices_at_once()
    {
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes($"{StreamHead}{Line.Length:x}\r\n{Line}\r\n"));
            return true;
        });
        await using var proxy = await StartAsync(upstream.Address);

        using (var client = await AskAsync(proxy))
        {
            var received = new byte[1_000];
            var head = 0;
            while (!Encoding.ASCII.GetString(received, 0, head).Contains(Line, StringComparison.Ordinal))
            {
                head += await client.GetStream().ReadAsync(received.AsMemory(head), TestContext.Current.CancellationToken);
            }
        }

        await upstream.Disconnected.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        var exchange = await _recorded.SingleAsync();
        Assert.Equal((ExchangeOutcome.ClientCancelled, "x", true), (exchange.Outcome, exchange.Response.Text, exchange.Response.Usage.Estimated));
    }

    [Fact]
    public async Task A_client_that_disconnects_before_the_first_byte_is_recorded_as_cancelled_and_ollama_notices_at_once()
    {
        await using var upstream = new RawUpstream((_, _) => Task.FromResult(true));
        await using var proxy = await StartAsync(upstream.Address);

        using (await AskAsync(proxy))
        {
            await Eventually.TrueAsync(() => upstream.Requests.Count == 1);
        }

        await upstream.Disconnected.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        var exchange = await _recorded.SingleAsync();
        Assert.Equal((ExchangeOutcome.ClientCancelled, (int?)null), (exchange.Outcome, exchange.StatusCode));
    }

    [Fact]
    public async Task An_upload_without_a_length_is_streamed_as_it_is_produced()
    {
        await using var upstream = new RawUpstream(
            RawUpstream.Replay([(TimeSpan.Zero, "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"u8.ToArray())], close: false));
        await using var proxy = await StartAsync(upstream.Address);

        var body = new byte[3 * 1024 * 1024];
        new Random(1).NextBytes(body);
        using var content = new StreamContent(new MemoryStream(body));
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/blobs/sha256:x") { Content = content };
        request.Headers.TransferEncodingChunked = true;
        using var answer = await proxy.Client.SendAsync(request, TestContext.Current.CancellationToken);

        Assert.Equal(201, (int)answer.StatusCode);
        Assert.Equal(body, HttpMessage.Parse(upstream.Requests[0]).Body);
        Assert.Equal(body.Length, (await _recorded.SingleAsync()).RequestBytes);
    }

    private static async Task<TcpClient> AskAsync(ProxyUnderTest proxy)
    {
        var client = new TcpClient("127.0.0.1", proxy.Port);
        const string Body = "{\"model\":\"a\"}";
        await client.GetStream()
            .WriteAsync(Encoding.ASCII.GetBytes($"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: {Body.Length}\r\n\r\n{Body}"));
        return client;
    }

    private Task<ProxyUnderTest> StartAsync(Uri upstream) =>
        ProxyUnderTest.StartAsync(upstream, ProxyUnderTest.NoStore, _recorded.Register);
}
