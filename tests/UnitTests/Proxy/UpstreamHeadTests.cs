using System.Text;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.UnitTests.Proxy;

/// <summary>Tests the parser of response heads. It decides which headers a client gets, where the body ends, and whether the connection is reused.</summary>
public sealed class UpstreamHeadTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", nameof(BodyFraming.Chunked), 0, true)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding:  CHUNKED \r\n\r\n", nameof(BodyFraming.Chunked), 0, true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 120\r\nTransfer-Encoding: chunked\r\n\r\n", nameof(BodyFraming.Chunked), 120, false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 120\r\n\r\n", nameof(BodyFraming.Length), 120, true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", nameof(BodyFraming.None), 0, true)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive, Close\r\n\r\n", nameof(BodyFraming.Length), 1, false)]
    [InlineData("HTTP/1.1 404 Not Found\r\nX: Content-Length: 7\r\ncontent-length:5\r\n\r\n", nameof(BodyFraming.Length), 5, true)]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", nameof(BodyFraming.None), 0, true)]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", nameof(BodyFraming.None), 5, true)]
    [InlineData("HTTP/1.0 200 OK\r\nX-Content-Length: 5\r\nContent-Lengths: 5\r\n\r\n", nameof(BodyFraming.UntilClose), 0, false)]
    [InlineData("HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", nameof(BodyFraming.Length), 5, true)]
    public void The_framing_of_the_body_is_read_from_the_head(string head, string framing, long length, bool keeps)
    {
        var parsed = Parse(head);

        Assert.Equal(Enum.Parse<BodyFraming>(framing), parsed.Framing(isHead: false));
        Assert.Equal(length, parsed.Length);
        Assert.Equal(keeps, parsed.KeepsConnection);
        Assert.Equal(BodyFraming.None, parsed.Framing(isHead: true));
    }

    [Fact]
    public void Names_values_and_reason_are_unchanged()
    {
        var head = Parse("HTTP/1.1 418 I'm a teapot\r\nx-A:  b \t c  \r\nSet-Cookie: a\r\nSet-Cookie: b\r\nEmpty:\r\nWord: \u00e9\r\n\r\n");

        Assert.Equal((418, "I'm a teapot"), (head.Status, head.Reason));
        Assert.Equal([new("x-A", "b \t c"), new("Set-Cookie", "a"), new("Set-Cookie", "b"), new("Empty", ""), new("Word", "\u00e9")], head.Lines);
    }

    [Theory]
    [InlineData("Content-Length: 5\r\nContent-Length: 6")]
    [InlineData("Content-Length: 5\r\nContent-Length: 5")]
    [InlineData("Content-Length: 5, 5")]
    [InlineData("Content-Length: 5 5")]
    [InlineData("Content-Length: -5")]
    [InlineData("Content-Length: +5")]
    [InlineData("Content-Length: 0x5")]
    [InlineData("Content-Length:")]
    [InlineData("Content-Length: 99999999999999999999")]
    [InlineData("Content-Length: 5\r\n 6")]
    [InlineData("Content-Length : 5")]
    [InlineData("Content-Length\t: 5")]
    [InlineData(" Content-Length: 5")]
    [InlineData("Content-Length\0: 5")]
    [InlineData("Content Length: 5")]
    [InlineData(": 5")]
    [InlineData("no colon")]
    [InlineData("X: a\u0001b")]
    [InlineData("X: a\rb")]
    [InlineData("Transfer-Encoding: xchunked")]
    [InlineData("Transfer-Encoding: chunkedx")]
    [InlineData("Transfer-Encoding: gzip, chunked")]
    [InlineData("Transfer-Encoding: chunked, chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: identity")]
    [InlineData("Transfer-Encoding : chunked")]
    public void An_ambiguous_head_is_refused(string lines) => Assert.Throws<IOException>(() => Parse($"HTTP/1.1 200 OK\r\n{lines}\r\n\r\n"));

    [Theory]
    [InlineData("HTTP/1.1 099 Odd")]
    [InlineData("HTTP/1.1 000 Odd")]
    [InlineData("HTTP/1.1 20 OK")]
    [InlineData("HTTP/1.1 2000 OK")]
    [InlineData("HTTP/1.1 200OK")]
    [InlineData("HTTP/1.1 +20 OK")]
    [InlineData("HTTP/1.1  200 OK")]
    [InlineData("HTTP/1.2 200 OK")]
    [InlineData("HTTP/2 200 OK")]
    [InlineData("http/1.1 200 OK")]
    [InlineData("HTTP/1.1 200 O\u0000K")]
    [InlineData("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked")]
    public void An_invalid_status_line_is_refused(string line) => Assert.Throws<IOException>(() => Parse($"{line}\r\nContent-Length: 0\r\n\r\n"));

    private static UpstreamHead Parse(string head)
    {
        var parsed = new UpstreamHead();
        parsed.Parse(Encoding.Latin1.GetBytes(head));
        return parsed;
    }
}
