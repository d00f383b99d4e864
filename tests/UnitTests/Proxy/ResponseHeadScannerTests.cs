using System.Text;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class ResponseHeadScannerTests
{
    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", nameof(BodyFraming.Chunked), 0)]
    [InlineData("HTTP/1.1 200 OK\r\ntransfer-encoding:  CHUNKED \r\n\r\n", nameof(BodyFraming.Chunked), 0)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 120\r\nTransfer-Encoding: chunked\r\n\r\n", nameof(BodyFraming.Chunked), 0)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 120\r\n\r\n", nameof(BodyFraming.Length), 120)]
    [InlineData("HTTP/1.1 404 Not Found\r\nX: Content-Length: 7\r\ncontent-length:5\r\n\r\n", nameof(BodyFraming.Length), 5)]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 5\n\n", nameof(BodyFraming.Length), 5)]
    [InlineData("HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n", nameof(BodyFraming.Length), 0)]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", nameof(BodyFraming.Length), 0)]
    [InlineData("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", nameof(BodyFraming.Length), 5)]
    [InlineData("HTTP/1.1 103 Early\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", nameof(BodyFraming.UntilClose), 0)]
    [InlineData("HTTP/1.0 200 OK\r\nX-Content-Length: 5\r\nContent-Lengths: 5\r\n\r\n", nameof(BodyFraming.UntilClose), 0)]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nContent-Length: 5\r\n\r\n", nameof(BodyFraming.UntilClose), 5)]
    public void A_head_tells_where_its_body_ends_wherever_the_bytes_are_cut(string head, string framing, long length)
    {
        for (var cut = 0; cut < head.Length; cut++)
        {
            var scanner = new ResponseHeadScanner();

            Assert.Equal(cut, scanner.Scan(Encoding.ASCII.GetBytes(head[..cut]), out var early));
            Assert.False(early);
            Assert.Equal(head.Length - cut, scanner.Scan(Encoding.ASCII.GetBytes(head[cut..] + "body"), out var ended));
            Assert.True(ended);
            Assert.Equal((Enum.Parse<BodyFraming>(framing), length), (scanner.Body(isHead: false, out var found), found));
        }
    }

    [Fact]
    public void An_answer_to_head_has_no_body_whatever_it_announces()
    {
        var scanner = new ResponseHeadScanner();
        scanner.Scan("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"u8, out _);

        Assert.Equal((BodyFraming.Length, 0L), (scanner.Body(isHead: true, out var length), length));
    }

    [Theory]
    [InlineData("Content-Length: 5\r\nContent-Length: 6")]
    [InlineData("Content-Length: 5, 5")]
    [InlineData("Content-Length: 5 5")]
    [InlineData("Content-Length: -5")]
    [InlineData("Content-Length:")]
    [InlineData("Content-Length: 99999999999999999999")]
    [InlineData("Content-Length: 5\r\n 6")]
    [InlineData("Transfer-Encoding: xchunked")]
    [InlineData("Transfer-Encoding: chunkedx")]
    [InlineData("Transfer-Encoding: gzip, chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: identity")]
    public void A_head_that_is_not_clear_about_its_body_is_refused(string lines)
    {
        var bytes = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\n{lines}\r\n\r\n");
        var scanner = new ResponseHeadScanner();

        Assert.Throws<IOException>(() => scanner.Scan(bytes, out _));
    }

    [Theory]
    [InlineData("099")]
    [InlineData("000")]
    public void A_status_that_is_none_is_refused(string status)
    {
        var bytes = Encoding.ASCII.GetBytes($"HTTP/1.1 {status} Odd\r\nContent-Length: 0\r\n\r\n");
        var scanner = new ResponseHeadScanner();

        Assert.Throws<IOException>(() => scanner.Scan(bytes, out _));
    }
}
