using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Heads and bodies arrive unchanged, whatever their size and their segments.</summary>
public sealed class UpstreamBodyTests
{
    private static readonly RawUpstream.Answer s_fine =
        RawUpstream.Replay([(TimeSpan.Zero, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray())], close: false);

    private static readonly int[] s_sizes =
        [0, 1, 4_095, 4_096, 4_097, 16_383, 16_384, 16_385, 32_767, 32_768, 32_769, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3 << 20];

    /// <summary>The sizes of segments and of chunks, in turn.</summary>
    private static readonly int[] s_odd = [1, 7, 100_000, 4_096, 3, 65_537, 16_384, 999];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_body_of_any_size_arrives_whole(bool isChunked)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        foreach (var path in (string[])["/api/blobs/x", "/api/chat"])
        {
            foreach (var size in s_sizes)
            {
                var body = Pattern(size);
                var framing = isChunked ? "Transfer-Encoding: chunked" : $"Content-Length: {size}";
                var head = Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n");
                byte[] request = [.. head, .. isChunked ? Chunks(body) : body];

                var answer = await RawHttp.SendAsync(proxy.Port, Pieces(request));

                Assert.Equal(200, HttpMessage.Parse(answer.Bytes).Status);
                var received = HttpMessage.Parse(upstream.Requests[^1]);
                Assert.True(body.AsSpan().SequenceEqual(received.Body), $"{path} {size}");
                Assert.Equal(isChunked, received.IsChunked);
            }
        }

        Assert.Equal(2 * s_sizes.Length, upstream.Requests.Count);
    }

    [Theory]
    [InlineData("length", "HTTP/1.1")]
    [InlineData("chunked", "HTTP/1.1")]
    [InlineData("close", "HTTP/1.1")]
    [InlineData("length", "HTTP/1.0")]
    [InlineData("chunked", "HTTP/1.0")]
    [InlineData("close", "HTTP/1.0")]
    public async Task A_response_body_of_any_size_arrives_whole(string framing, string version)
    {
        var body = Array.Empty<byte>();
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            var header = framing == "chunked" ? "Transfer-Encoding: chunked\r\n" : framing == "length" ? $"Content-Length: {body.Length}\r\n" : "";
            byte[] response = [.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\n{header}\r\n"), .. framing == "chunked" ? Chunks(body) : body];
            foreach (var piece in Pieces(response))
            {
                await connection.WriteAsync(piece);
            }

            return framing != "close";
        });
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        foreach (var size in s_sizes)
        {
            body = Pattern(size);

            var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes($"GET /api/x {version}\r\nHost: localhost\r\n\r\n"), isHead: false);

            var message = HttpMessage.Parse(answer.Bytes);
            var isFramed = framing == "chunked" && version == "HTTP/1.1";
            Assert.True((isFramed ? Chunks(body) : body).AsSpan().SequenceEqual(isFramed ? message.RawBody : message.Body), $"{size}");
            // The proxy frames a body that ends with the connection to Ollama (docs/transparency.md), so the client's connection may stay open.
            Assert.Equal(version == "HTTP/1.0" ? RawEnd.Closed : RawEnd.KeptOpen, answer.End);
        }
    }

    [Fact]
    public async Task A_response_in_chunks_of_one_byte_keeps_them()
    {
        var data = string.Concat(Enumerable.Range(0, 20_000).Select(number => $"1\r\n{(char)('a' + (number % 26))}\r\n"));
        var chunks = Encoding.ASCII.GetBytes(data + "0\r\nX-Trailer: y\r\n\r\n");
        byte[] response = [.. "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Trailer\r\n\r\n"u8, .. chunks];
        await using var upstream = new RawUpstream(RawUpstream.Replay([.. Pieces(response).Select(piece => (TimeSpan.Zero, piece))], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, "GET /api/x HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), isHead: false);

        Assert.True(chunks.AsSpan().SequenceEqual(HttpMessage.Parse(answer.Bytes).RawBody));
    }

    [Theory]
    [InlineData("X-Trailer: y\r\n")]
    [InlineData("X-Trailer: y\r\nx-trailer: z\r\nB: caf\u00e9\r\n")]
    public async Task The_trailers_of_a_request_arrive(string trailers)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        const string Head = "POST /api/show HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
        await RawHttp.SendAsync(proxy.Port, Encoding.Latin1.GetBytes(Head + $"2\r\n{{}}\r\n0\r\n{trailers}\r\n"), isHead: false);

        var request = Encoding.Latin1.GetString(upstream.Requests[0]);
        Assert.Equal(Lines(trailers), Lines(request[(request.IndexOf("\r\n0\r\n", StringComparison.Ordinal) + 5)..]));
    }

    [Theory]
    [InlineData("get", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__")]
    [InlineData("GET", "Connection: HTTP2-Settings, Upgrade\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__")]
    [InlineData("GET", "Connection: Upgrade,keep-alive , HTTP2-Settings\r\nUpgrade: h2c, foo/1\r\nHTTP2-Settings: AAMAAABkAAQAAP__")]
    [InlineData("GET", "Connection: Upgrade\r\nConnection: HTTP2-Settings\r\nUpgrade: websocket")]
    [InlineData("GET", "Connection: UPGRADE")]
    [InlineData("Get", "Connection: keep-alive, x-a\r\nX-A: 1\r\nX-A: 2\r\nx-a: 1")]
    [InlineData("pAtCh", "TE: trailers\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nAccept: a\r\nAccept: b, c")]
    public async Task A_head_arrives_as_sent(string method, string lines)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes($"{method} /api/version HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n"), isHead: false);

        var head = Encoding.ASCII.GetString(Assert.Single(upstream.Requests));
        Assert.StartsWith($"{method} /api/version HTTP/1.1\r\n", head, StringComparison.Ordinal);
        Assert.Equal(Lines("Host: localhost\r\n" + lines), Lines(head[(head.IndexOf("\r\n", StringComparison.Ordinal) + 2)..]));
    }

    [Theory]
    [InlineData("Connection: Upgrade")]
    [InlineData("Connection: Upgrade, HTTP2-Settings")]
    public async Task A_request_to_upgrade_may_have_a_body(string line)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var request = $"POST /api/show HTTP/1.1\r\nHost: localhost\r\n{line}\r\nUpgrade: h2c\r\nContent-Length: 2\r\n\r\n{{}}";
        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes(request), isHead: false);

        Assert.Equal(200, HttpMessage.Parse(answer.Bytes).Status);
        Assert.EndsWith("\r\n\r\n{}", Encoding.ASCII.GetString(Assert.Single(upstream.Requests)), StringComparison.Ordinal);
    }

    /// <summary>Header names in upper case and in alphabetical order, because the server may change both.</summary>
    private static IEnumerable<string> Lines(string text) => text.Split("\r\n", StringSplitOptions.RemoveEmptyEntries)
        .Select(line => line.Split(':', 2)).Select(parts => $"{parts[0].ToUpperInvariant()}: {parts[1].Trim()}").Order(StringComparer.Ordinal);

    internal static byte[] Pattern(int length) => [.. Enumerable.Range(0, length).Select(at => (byte)(at * 31 >> 3))];

    private static byte[] Chunks(byte[] data)
    {
        using var framed = new MemoryStream();
        foreach (var chunk in Pieces(data))
        {
            framed.Write(Encoding.ASCII.GetBytes($"{chunk.Length:x}\r\n"));
            framed.Write(chunk);
            framed.Write("\r\n"u8);
        }

        framed.Write("0\r\n\r\n"u8);
        return framed.ToArray();
    }

    private static List<byte[]> Pieces(byte[] bytes)
    {
        List<byte[]> pieces = [];
        for (var (at, turn) = (0, 0); at < bytes.Length; turn++)
        {
            var length = Math.Min(s_odd[turn % s_odd.Length], bytes.Length - at);
            pieces.Add(bytes[at..(at + length)]);
            at += length;
        }

        return pieces;
    }
}
