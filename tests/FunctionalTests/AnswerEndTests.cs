using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Domain;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Proxy;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The outcome of exchanges whose connections do not end in order, or whose bodies cannot be parsed, through the real byte path.</summary>
public sealed class AnswerEndTests
{
    private readonly RecordedRequests _recorded = new();

    public enum Closer
    {
        Client,
        ClientWithReset,
        Upstream,
        Proxy,
    }

    public static TheoryData<Closer, string, string, ExchangeOutcome> Ends
    {
        get
        {
            var ends = new TheoryData<Closer, string, string, ExchangeOutcome>();
            foreach (var closer in Enum.GetValues<Closer>())
            {
                ends.Add(closer, "/api/chat", "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"done\":true}\n", ExchangeOutcome.Completed);
                ends.Add(closer, "/v1/chat/completions", "data: {\"choices\":[{\"delta\":{}}]}\n\ndata: [DONE]\n\n", ExchangeOutcome.Completed);
                ends.Add(closer, "/v1/responses", "data: {\"type\":\"response.completed\",\"response\":{}}\n\n", ExchangeOutcome.Completed);
                ends.Add(closer, "/v1/messages", "data: {\"type\":\"message_stop\"}\n\n", ExchangeOutcome.Completed);
                ends.Add(closer, "/api/embed", "{\"embeddings\":[[1]],\"model\":\"a\",\"total_duration\":1}", ExchangeOutcome.Completed);
                ends.Add(closer, "/api/pull", "{\"status\":\"pulling\"}\n{\"status\":\"success\"}\n", ExchangeOutcome.Completed);
                ends.Add(closer, "/api/chat", "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"error\":\"boom\"}\n", ExchangeOutcome.UpstreamError);
                ends.Add(closer, "/api/chat", "{\"message\":{\"content\":\"a\"},\"done\":false}\n", closer switch
                {
                    Closer.Upstream => ExchangeOutcome.Incomplete,
                    Closer.Proxy => ExchangeOutcome.ProxyStopped,
                    _ => ExchangeOutcome.ClientCancelled,
                });
            }

            return ends;
        }
    }

    [Theory]
    [MemberData(nameof(Ends))]
    public async Task A_terminator_or_error_outranks_the_side_that_closes_first(Closer closer, string path, string body, ExchangeOutcome outcome)
    {
        var answer = $"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n{body.Length:x}\r\n{body}\r\n";
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(answer))], close: closer == Closer.Upstream));
        await using var proxy = await StartAsync(upstream);
        using var client = await AskAsync(proxy, path, "Content-Length: 13\r\n\r\n{\"model\":\"a\"}"u8.ToArray());

        await ReadUntilAsync(client, body);
        switch (closer)
        {
            case Closer.Client:
                client.Close();
                break;
            case Closer.ClientWithReset:
                client.LingerState = new LingerOption(true, 0);
                client.Close();
                break;
            case Closer.Proxy:
                await proxy.App.StopAsync(TestContext.Current.CancellationToken);
                break;
        }

        Assert.Equal(outcome, (await _recorded.SingleAsync()).Outcome);
    }

    [Theory]
    [InlineData("Content-Encoding: compress\r\n", "?", 200, ExchangeOutcome.Completed, "unknown_encoding")]
    [InlineData("Content-Encoding: compress\r\n", "?", 500, ExchangeOutcome.UpstreamError, "unknown_encoding")]
    [InlineData("Content-Encoding: gzip\r\n", "no gzip", 200, ExchangeOutcome.Completed, "unknown_encoding")]
    [InlineData("Content-Type: text/html\r\n", "<html>Hello</html>", 200, ExchangeOutcome.Completed, "unknown_format")]
    public async Task An_unparsable_response_is_counted_and_no_error(string header, string body, int status, ExchangeOutcome outcome, string reason)
    {
        await using var upstream = Answering($"HTTP/1.1 {status} X\r\n{header}Content-Length: {body.Length}\r\n\r\n{body}");
        await using var proxy = await StartAsync(upstream);
        using var client = await AskAsync(proxy, "/api/chat", "Content-Length: 13\r\n\r\n{\"model\":\"a\"}"u8.ToArray());
        await ReadUntilAsync(client, body);

        var exchange = await _recorded.SingleAsync();
        Assert.Equal((outcome, null, "a"), (exchange.Outcome, exchange.Response.Text, exchange.Request.Model));
        await AssertFailuresAsync(proxy, reason, 1);
    }

    [Fact]
    public async Task An_unparsable_request_is_counted_and_no_error()
    {
        await using var upstream = Answering("HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"done\":true}");
        await using var proxy = await StartAsync(upstream);
        using var client = await AskAsync(proxy, "/api/chat", "Content-Encoding: compress\r\nContent-Length: 1\r\n\r\n?"u8.ToArray());
        await ReadUntilAsync(client, "true}");

        var exchange = await _recorded.SingleAsync();
        Assert.Equal((ExchangeOutcome.Completed, ParseFailure.UnknownEncoding), (exchange.Outcome, exchange.Request.Failure));
        await AssertFailuresAsync(proxy, "unknown_encoding", 1);
        await AssertFailuresAsync(proxy, "malformed", 0);
    }

    [Fact]
    public async Task A_redirect_without_a_terminator_is_completed()
    {
        await using var upstream = Answering("HTTP/1.1 307 Temporary Redirect\r\nLocation: /api/chat\r\nContent-Length: 0\r\n\r\n");
        await using var proxy = await StartAsync(upstream);
        using var client = await AskAsync(proxy, "/api/chat", "Content-Length: 13\r\n\r\n{\"model\":\"a\"}"u8.ToArray());

        Assert.Equal(ExchangeOutcome.Completed, (await _recorded.SingleAsync()).Outcome);
    }

    [Fact]
    public async Task Decoders_share_a_memory_budget_and_hold_it_only_while_their_body_arrives()
    {
        // The budget has room for one zstd decoder. Ollama does not answer before the test lets it.
        var mayAnswer = new TaskCompletionSource();
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await mayAnswer.Task;
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"u8.ToArray());
            return true;
        });
        var budget = new DecoderBudget(10L * 1024 * 1024);
        await using var proxy = await StartAsync(upstream, budget);
        var body = Zstd("{\"model\":\"a\"}");
        byte[] whole = [.. Encoding.ASCII.GetBytes($"Content-Encoding: zstd\r\nContent-Length: {body.Length}\r\n\r\n"), .. body];

        using var unfinished = await AskAsync(proxy, "/api/show", whole[..^1]);
        await Eventually.TrueAsync(() => budget.FreeBytes < 2L * 1024 * 1024, TimeSpan.FromSeconds(60));
        using var waiting = await AskAsync(proxy, "/api/show", whole);
        await Eventually.TrueAsync(() => upstream.Requests.Count == 1, TimeSpan.FromSeconds(60));
        unfinished.Close();
        Assert.Equal(ExchangeOutcome.ClientCancelled, (await _recorded.SingleAsync()).Outcome);

        // Two whole requests, one after the other; neither is answered yet.
        using var second = await AskAsync(proxy, "/api/show", whole);
        await Eventually.TrueAsync(() => upstream.Requests.Count == 2, TimeSpan.FromSeconds(60));
        using var third = await AskAsync(proxy, "/api/show", whole);
        await Eventually.TrueAsync(() => upstream.Requests.Count == 3, TimeSpan.FromSeconds(60));
        mayAnswer.SetResult();

        Exchange[] exchanges = [.. await _recorded.AllAsync(4)];
        Assert.Equal([null, "a", "a"], exchanges[1..].Select(exchange => exchange.Request.Model));
        Assert.Equal(ParseFailure.DecoderLimit, exchanges[1].Request.Failure);
        await AssertFailuresAsync(proxy, "decoder_limit", 1);
    }

    private static RawUpstream Answering(string answer) => new(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(answer))], close: false));

    private Task<ProxyUnderTest> StartAsync(RawUpstream upstream, DecoderBudget? budget = null) => ProxyUnderTest.StartAsync(
        upstream.Address,
        new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["SHUTDOWN_GRACE_SECONDS"] = "0" },
        builder =>
        {
            _recorded.Register(builder);
            builder.Services.AddSingleton(budget ?? new DecoderBudget());
        });

    private static async Task<TcpClient> AskAsync(ProxyUnderTest proxy, string path, byte[] rest)
    {
        var client = new TcpClient("127.0.0.1", proxy.Port);
        await client.GetStream().WriteAsync((byte[])[.. Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\n"), .. rest]);
        return client;
    }

    private static async Task ReadUntilAsync(TcpClient client, string end)
    {
        var received = new byte[4_000];
        var length = 0;
        while (!Encoding.ASCII.GetString(received, 0, length).Contains(end, StringComparison.Ordinal))
        {
            var read = await client.GetStream().ReadAsync(received.AsMemory(length), TestContext.Current.CancellationToken);
            Assert.NotEqual(0, read);
            length += read;
        }
    }

    private static Task AssertFailuresAsync(ProxyUnderTest proxy, string reason, int count)
    {
        var line = $"ollama_proxy_parse_failures_total{{reason=\"{reason}\"}} {count}\n";
        return Eventually.TrueAsync(async () => (await proxy.Client.GetStringAsync("/metrics")).Contains(line, StringComparison.Ordinal),
            TimeSpan.FromSeconds(60));
    }

    private static byte[] Zstd(string text)
    {
        using var target = new MemoryStream();
        using (var encoder = new ZstdSharp.CompressionStream(target, level: 3, leaveOpen: true))
        {
            encoder.Write(Encoding.ASCII.GetBytes(text));
        }

        return target.ToArray();
    }
}
