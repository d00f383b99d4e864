using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Ollama may answer before it has read the request body. Its response must reach the client, and not an error of the proxy.</summary>
public sealed class UpstreamAnswerTests
{
    private const int LargeBody = 8 << 20;
    private const string Fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";

    /// <summary>How long Go waits between the end of its response and the close of the connection.</summary>
    private static readonly TimeSpan s_goWait = TimeSpan.FromMilliseconds(500);

    private readonly RecordedRequests _recorded = new();

    public static TheoryData<string, string, string, string> Early
    {
        get
        {
            var rows = new TheoryData<string, string, string, string>();
            foreach (var framing in (string[])["length", "chunked", "expect"])
            {
                rows.Add("POST /api/blobs/sha256:0123", "", "200 OK", framing);
                rows.Add("POST /api/nope", "", "404 Not Found", framing);
                rows.Add("POST /api/chat", "Origin: http://denied.example\r\n", "403 Forbidden", framing);
                rows.Add("PUT /api/chat", "", "405 Method Not Allowed", framing);
                rows.Add("POST /api/show/", "", "307 Temporary Redirect", framing);
            }

            return rows;
        }
    }

    [Theory]
    [MemberData(nameof(Early))]
    public async Task A_response_sent_before_the_body_was_read_reaches_the_client(string line, string headers, string status, string framing)
    {
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nearly"));
            connection.Socket.Shutdown(SocketShutdown.Send);
            await Task.Delay(s_goWait);
            return false;
        }) { AnswersAtTheHead = true };
        await using var proxy = await StartAsync(upstream);
        var isChunked = framing == "chunked";
        var head = Encoding.ASCII.GetBytes(
            $"{line} HTTP/1.1\r\nHost: localhost\r\n{headers}{(isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {LargeBody}")}\r\n"
            + $"{(framing == "expect" ? "Expect: 100-continue\r\n" : "")}\r\n");
        byte[] body = isChunked ? [.. Encoding.ASCII.GetBytes($"{LargeBody:x}\r\n"), .. new byte[LargeBody], .. "\r\n0\r\n\r\n"u8] : new byte[LargeBody];

        var answer = framing == "expect" ? await ExpectAsync(proxy, head, body) : await RawHttp.SendAsync(proxy.Port, [head, body]);

        var message = HttpMessage.Parse(RawHttp.WithoutInterim(answer.Bytes));
        Assert.Equal(($"HTTP/1.1 {status}", "early"), (message.StartLine, Encoding.ASCII.GetString(message.Body)));
        var exchange = await _recorded.SingleAsync();
        Assert.Equal(int.Parse(status.AsSpan(0, 3), System.Globalization.CultureInfo.InvariantCulture), exchange.StatusCode);
        Assert.Equal(exchange.StatusCode < 400 ? ExchangeOutcome.Completed : ExchangeOutcome.UpstreamError, exchange.Outcome);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_that_is_still_read_after_the_response_arrives_whole(bool isChunked)
    {
        var expected = UpstreamBodyTests.Pattern(LargeBody);
        var received = new TaskCompletionSource<byte[]>();
        await using var upstream = new RawUpstream(async (connection, head) =>
        {
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n"u8.ToArray());
            received.SetResult(await ReadToEndOfRequestAsync(connection, head, isChunked, LargeBody));
            await connection.WriteAsync("4\r\nlate\r\n0\r\n\r\n"u8.ToArray());
            return true;
        }) { AnswersAtTheHead = true };
        await using var proxy = await StartAsync(upstream);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        var stream = client.GetStream();
        var framing = isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {LargeBody}";
        await SendAsync(stream, $"POST /api/x HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n");
        // The response begins before any byte of the body was sent.
        var buffer = new byte[1024];
        var begin = "";
        while (!begin.EndsWith("5\r\nearly\r\n", StringComparison.Ordinal))
        {
            begin += Encoding.ASCII.GetString(buffer, 0, await ReadAsync(stream, buffer));
        }

        byte[] body = isChunked ? [.. Encoding.ASCII.GetBytes($"{LargeBody:x}\r\n"), .. expected, .. "\r\n0\r\n\r\n"u8] : expected;
        await stream.WriteAsync(body, TestContext.Current.CancellationToken);
        var end = "";
        while (!end.EndsWith("0\r\n\r\n", StringComparison.Ordinal))
        {
            end += Encoding.ASCII.GetString(buffer, 0, await ReadAsync(stream, buffer));
        }

        Assert.Equal("4\r\nlate\r\n0\r\n\r\n", end);
        var arrived = await received.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.True(expected.AsSpan().SequenceEqual(arrived));
    }

    [Fact]
    public async Task A_client_that_disconnects_in_the_middle_of_an_upload_ends_the_request_to_ollama()
    {
        var hasHead = new TaskCompletionSource();
        var ended = new TaskCompletionSource();
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            hasHead.SetResult();
            try
            {
                await connection.CopyToAsync(Stream.Null);
            }
            catch (IOException)
            {
            }

            ended.SetResult();
            return false;
        }) { AnswersAtTheHead = true };
        await using var proxy = await StartAsync(upstream);
        using (var client = new TcpClient("127.0.0.1", proxy.Port))
        {
            await SendAsync(client.GetStream(), "POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\nbegin");
            await hasHead.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        }

        await ended.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        Assert.Equal(ExchangeOutcome.ClientCancelled, (await _recorded.SingleAsync()).Outcome);
    }

    [Fact]
    public async Task A_disconnect_while_ollama_does_not_read_is_detected_once_it_reads()
    {
        var hasHead = new TaskCompletionSource();
        var left = new TaskCompletionSource();
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            hasHead.SetResult();
            await left.Task;
            await connection.CopyToAsync(Stream.Null);
            return false;
        }) { AnswersAtTheHead = true };
        await using var proxy = await StartAsync(upstream);
        using (var client = new TcpClient("127.0.0.1", proxy.Port))
        {
            await SendAsync(client.GetStream(), "POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900000000\r\n\r\n");
            var writing = client.GetStream().WriteAsync(new byte[64 << 20], TestContext.Current.CancellationToken);
            await hasHead.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
            // The body is larger than all buffers on the way.
            Assert.False(writing.IsCompleted);
            client.Client.Close(0);
            await Assert.ThrowsAnyAsync<Exception>(writing.AsTask);
        }

        // Until here the proxy has no room for the client's bytes and does not read; like Ollama's own server, it cannot see the disconnect.
        left.SetResult();

        Assert.Equal(ExchangeOutcome.ClientCancelled, (await _recorded.SingleAsync()).Outcome);
    }

    [Theory]
    [InlineData("zz\r\n{}\r\n0\r\n\r\n")]
    [InlineData("2\r\n{}xx0\r\n\r\n")]
    [InlineData("-2\r\n{}\r\n0\r\n\r\n")]
    [InlineData("ffffffffffffffffff\r\n{}\r\n0\r\n\r\n")]
    public async Task Malformed_chunks_are_answered_with_400(string chunks)
    {
        await using var upstream = new RawUpstream((_, _) => Task.FromResult(false));
        await using var proxy = await StartAsync(upstream);

        var answer = await RawHttp.SendAsync(
            proxy.Port, Encoding.ASCII.GetBytes($"POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}"), isHead: false);

        Assert.Equal((400, RawEnd.Closed), (HttpMessage.Parse(answer.Bytes).Status, answer.End));
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData("/api/show")]
    [InlineData("/api/blobs/sha256:0123")]
    public async Task A_client_that_sends_its_body_without_100_continue_is_answered(string path)
    {
        var clock = new FakeTimeProvider();
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Fine))], close: false))
        {
            SendsContinue = false,
        };
        await using var proxy = await StartAsync(upstream, clock);
        var request = $"POST {path} HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody";

        var sending = RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes(request), isHead: false);
        await Eventually.TrueAsync(() =>
        {
            clock.Advance(TimeSpan.FromMilliseconds(100));
            return sending.IsCompleted;
        });

        Assert.Equal("{}", Encoding.ASCII.GetString(HttpMessage.Parse(RawHttp.WithoutInterim((await sending).Bytes)).Body));
        Assert.EndsWith("\r\n\r\nbody", Encoding.ASCII.GetString(Assert.Single(upstream.Requests)), StringComparison.Ordinal);
        Assert.Contains("\r\nExpect: 100-continue\r\n", Encoding.ASCII.GetString(upstream.Requests[0]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_client_gets_100_continue_when_ollama_sends_it()
    {
        // The clock of the proxy stands still, so only Ollama's 100 Continue can make it send one.
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Fine))], close: false));
        await using var proxy = await StartAsync(upstream, new FakeTimeProvider());

        var head = "POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"u8.ToArray();
        var answer = await ExpectAsync(proxy, head, "body"u8.ToArray());

        Assert.StartsWith("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
        Assert.EndsWith("\r\n\r\nbody", Encoding.ASCII.GetString(upstream.Requests[0]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_model_can_be_created_twice()
    {
        await using var program = await ProxyBeforeSimulatedOllama.StartAsync();
        var blob = UpstreamBodyTests.Pattern(LargeBody);
        var digest = $"sha256:{Convert.ToHexStringLower(SHA256.HashData(blob))}";
        var head = Encoding.ASCII.GetBytes($"POST /api/blobs/{digest} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {blob.Length}\r\n\r\n");
        List<int> statuses = [];

        for (var time = 0; time < 2; time++)
        {
            statuses.Add(HttpMessage.Parse((await RawHttp.SendAsync(program.Proxy.Port, [head, blob])).Bytes).Status);
            using var created = await program.Proxy.Client.PostAsync(
                "/api/create", new StringContent($$"""{"model":"own","files":{"own.gguf":"{{digest}}"} }"""), TestContext.Current.CancellationToken);
            var states = await created.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
            Assert.EndsWith("{\"status\":\"success\"}\n", states, StringComparison.Ordinal);
        }

        // The second time, Ollama has the blob and does not read it.
        Assert.Equal([201, 200], statuses);
        var blobs = program.Ollama.Received.Where(request => request.Target.StartsWith("/api/blobs/", StringComparison.Ordinal));
        Assert.Equal([LargeBody, 0L], blobs.Select(request => request.BodyLength));
        Assert.Equal([201, 200, 200, 200], (await program.Recorded.AllAsync(4)).Select(exchange => exchange.StatusCode!.Value).OrderDescending());
        Assert.All(program.Recorded.All, exchange => Assert.Equal(ExchangeOutcome.Completed, exchange.Outcome));
    }

    /// <summary>Sends the body only after 100 Continue.</summary>
    private static async Task<RawAnswer> ExpectAsync(ProxyUnderTest proxy, byte[] head, byte[] body)
    {
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        var stream = client.GetStream();
        await stream.WriteAsync(head);
        var interim = new byte[25];
        await stream.ReadExactlyAsync(interim, TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Limit);
        var writing = interim.AsSpan().SequenceEqual("HTTP/1.1 100 Continue\r\n\r\n"u8) ? stream.WriteAsync(body).AsTask() : Task.CompletedTask;
        using var rest = new MemoryStream();
        var buffer = new byte[1024];
        // The rest is short and has a length; the connection may stay open.
        while (!IsWhole([.. interim, .. rest.ToArray()]))
        {
            var read = await ReadAsync(stream, buffer);
            rest.Write(buffer, 0, read);
        }

        client.Close();
        await writing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return new RawAnswer([.. interim, .. rest.ToArray()], RawEnd.KeptOpen);
    }

    private static bool IsWhole(byte[] bytes) =>
        RawHttp.WithoutInterim(bytes) is var answer && answer.AsSpan().IndexOf("\r\n\r\n"u8) >= 0 && HttpMessage.Parse(answer).IsWhole;

    private static ValueTask SendAsync(NetworkStream stream, string text) =>
        stream.WriteAsync(Encoding.ASCII.GetBytes(text), TestContext.Current.CancellationToken);

    private static async Task<byte[]> ReadToEndOfRequestAsync(NetworkStream connection, byte[] head, bool isChunked, int length)
    {
        using var received = new MemoryStream();
        received.Write(head.AsSpan(head.AsSpan().IndexOf("\r\n\r\n"u8) + 4));
        var buffer = new byte[64 * 1024];
        while (isChunked ? !received.GetBuffer().AsSpan(0, (int)received.Length).EndsWith("\r\n0\r\n\r\n"u8) : received.Length < length)
        {
            received.Write(buffer, 0, await ReadAsync(connection, buffer));
        }

        return isChunked ? HttpMessage.Parse([.. "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"u8, .. received.ToArray()]).Body : received.ToArray();
    }

    private static async Task<int> ReadAsync(NetworkStream stream, byte[] buffer)
    {
        var read = await stream.ReadAsync(buffer, TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience.Limit);
        return read > 0 ? read : throw new EndOfStreamException();
    }

    private Task<ProxyUnderTest> StartAsync(RawUpstream upstream, TimeProvider? clock = null) =>
        ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore, builder =>
        {
            _recorded.Register(builder);
            if (clock is not null)
            {
                builder.Services.AddSingleton(clock);
            }
        });
}
