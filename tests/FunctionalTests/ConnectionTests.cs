using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Connections to Ollama are reused, so no response may leave bytes for the next one.</summary>
public sealed class ConnectionTests
{
    private const string Chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    private const string Fine = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfine\r\n0\r\n\r\n";

    public static TheoryData<string, string> Answers => new()
    {
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" },
        { "GET", Chunked + "5\r\nhello\r\n0\r\n\r\n" },
        { "GET", Chunked + "5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n" },
        { "GET", "HTTP/1.1 204 No Content\r\n\r\n" },
        { "GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n" },
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" },
        { "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n" },
        { "HEAD", Chunked },
        // A body that looks like the head of another response, cut where that head begins.
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 47\r\n\r\n|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" },
        { "GET", "HTTP/1.1 200 OK\r\nContent-Length: 51\r\n\r\nabcd|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" },
    };

    [Theory]
    [MemberData(nameof(Answers))]
    public async Task After_any_response_the_next_one_on_the_connection_is_right(string method, string answer)
    {
        var sockets = new ConcurrentDictionary<NetworkStream, bool>();
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            if (sockets.TryAdd(connection, true))
            {
                foreach (var piece in answer.Split('|'))
                {
                    await connection.WriteAsync(Encoding.ASCII.GetBytes(piece));
                    await connection.FlushAsync();
                    // Long enough for the proxy to read each segment on its own.
                    await Task.Delay(50);
                }
            }
            else
            {
                await connection.WriteAsync(Encoding.ASCII.GetBytes(Fine));
            }

            return true;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var first = await SendAsync(proxy, method);
        var second = await SendAsync(proxy, "GET");

        Assert.StartsWith("HTTP/1.1 ", first, StringComparison.Ordinal);
        Assert.Single(sockets);
        Assert.Equal(BodyOf(answer.Replace("|", "", StringComparison.Ordinal)), BodyOf(first));
        Assert.Equal(BodyOf(Fine), BodyOf(second));
    }

    [Fact]
    public async Task An_idle_connection_and_a_slow_request_head_are_not_closed()
    {
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Fine))], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        using var reader = new StreamReader(client.GetStream());

        foreach (var piece in (string[])["GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET / HTTP/1.1\r\n", "Host: localhost\r\nConnection: close\r\n\r\n"])
        {
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(piece), TestContext.Current.CancellationToken);
            // The test needs real time: the server checks once a second for slow connections.
            await Task.Delay(TimeSpan.FromSeconds(2.5), TestContext.Current.CancellationToken);
        }

        var answers = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, answers.Split("200 OK").Length);
    }

    [Fact]
    public async Task A_client_that_vanishes_is_detected_by_TCP_keep_alive()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Only Linux shows the timers of its sockets.");
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Fine))], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        await client.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        await client.GetStream().ReadExactlyAsync(new byte[Fine.Length], TestContext.Current.CancellationToken);

        var ends = $"0100007F:{proxy.Port:X4} 0100007F:{((IPEndPoint)client.Client.LocalEndPoint!).Port:X4}";
        string? socket = null;
        // While data is in flight, the socket shows the retransmission timer instead.
        await Eventually.TrueAsync(async () =>
        {
            var all = await File.ReadAllLinesAsync("/proc/net/tcp", TestContext.Current.CancellationToken);
            socket = Array.Find(all, line => line.Contains(ends, StringComparison.Ordinal));
            return socket is not null && socket.Split(' ', StringSplitOptions.RemoveEmptyEntries)[5].StartsWith("02:", StringComparison.Ordinal);
        });

        // The time until the next probe, in hundredths of a second.
        var due = int.Parse(socket!.Split(' ', StringSplitOptions.RemoveEmptyEntries)[5][3..], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        Assert.InRange(due, 0, 1_500);
    }

    [Theory]
    [InlineData(Chunked + "5\r\nhel")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")]
    public async Task A_connection_that_was_cut_is_not_reused(string answer)
    {
        var count = 0;
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            var isFirst = Interlocked.Increment(ref count) == 1;
            await connection.WriteAsync(Encoding.ASCII.GetBytes(isFirst ? answer : Fine));
            return !isFirst;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        await SendAsync(proxy, "GET");
        var second = await SendAsync(proxy, "GET");

        Assert.Equal(BodyOf(Fine), BodyOf(second));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\nhello")]
    [InlineData("HTTP/1.1 099 Odd\r\nContent-Length: 5\r\n\r\nhello")]
    public async Task A_response_with_ambiguous_framing_is_a_502_and_its_connection_is_closed(string answer)
    {
        var count = 0;
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes(Interlocked.Increment(ref count) == 1 ? answer : Fine));
            return true;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var first = await SendAsync(proxy, "GET");
        var second = await SendAsync(proxy, "GET");

        Assert.StartsWith("HTTP/1.1 502", first, StringComparison.Ordinal);
        Assert.Equal(BodyOf(Fine), BodyOf(second));
    }

    /// <summary>Responses with contradictory headers, and the response that the client gets.</summary>
    public static TheoryData<string, string, string?, string> Contradictions => new()
    {
        { "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n", "204", null, "" },
        { "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", "204", null, "" },
        { "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", "204", null, "" },
        { "HTTP/1.1 205 Reset Content\r\nContent-Length: 2\r\n\r\nab", "205", null, "" },
        { "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n", "205", null, "" },
        { "HTTP/1.1 205 Reset Content\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "205", null, "" },
        { "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "200", null, "2\r\nab\r\n0\r\n\r\n" },
        { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n2\r\nab\r\n0\r\n\r\n", "200", null, "2\r\nab\r\n0\r\n\r\n" },
        { "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304", "5", "" },
    };

    [Theory]
    [MemberData(nameof(Contradictions))]
    public async Task A_response_with_contradictory_headers_is_relayed_in_its_only_safe_reading(string answer, string status, string? length, string body)
    {
        var recorded = new RecordedRequests();
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(answer))], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(
            upstream.Address, ProxyUnderTest.NoStore, recorded.Register);

        using var client = new TcpClient("127.0.0.1", proxy.Port);
        await client.GetStream().WriteAsync("POST /api/chat HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"u8.ToArray());
        using var reader = new StreamReader(client.GetStream(), Encoding.Latin1);
        var text = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        var message = HttpMessage.Parse(Encoding.Latin1.GetBytes(text), hasBody: false);
        Assert.Equal((status, body), (message.StartLine.Split(' ')[1], text[(text.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..]));
        Assert.True(message.Header("Content-Length") is { } found ? found == (length ?? "0") : length is null, text);
        Assert.Equal(body.Length > 0, message.Header("Transfer-Encoding") is not null);
        Assert.Equal(int.Parse(status, System.Globalization.CultureInfo.InvariantCulture), (await recorded.SingleAsync()).StatusCode);
        if (body.Length == 0 && status != "304")
        {
            Assert.Equal(Domain.ExchangeOutcome.Completed, (await recorded.SingleAsync()).Outcome);
        }
    }

    [Fact]
    public async Task A_client_that_reads_nothing_slows_ollama_down_and_takes_no_memory()
    {
        var sent = 0L;
        var block = new byte[64 * 1024];
        var stalled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"u8.ToArray());
            while (sent < 1_000_000_000)
            {
                var writing = connection.WriteAsync(block, TestContext.Current.CancellationToken).AsTask();
                if (await Task.WhenAny(writing, Task.Delay(TimeSpan.FromSeconds(2))) != writing)
                {
                    break;
                }

                sent += block.Length;
            }

            stalled.SetResult();
            return false;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);
        using var client = new TcpClient("127.0.0.1", proxy.Port);

        await client.GetStream().WriteAsync("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray());
        await stalled.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        Assert.InRange(sent, 1, 64 * 1024 * 1024);
    }

    private static async Task<string> SendAsync(ProxyUnderTest proxy, string method) =>
        Encoding.ASCII.GetString(
            (await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes($"{method} / HTTP/1.1\r\nHost: localhost\r\n\r\n"), method == "HEAD")).Bytes);

    private static string BodyOf(string answer) => answer[answer.IndexOf("\r\n\r\n", StringComparison.Ordinal)..];
}
