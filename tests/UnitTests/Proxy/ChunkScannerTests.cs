using System.Text;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class ChunkScannerTests
{
    [Theory]
    [InlineData("5\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("2\r\nhe\r\n3;name=value\r\nllo\r\n0\r\n\r\n", "hello")]
    [InlineData("00A\r\n0123456789\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n", "0123456789")]
    [InlineData("5 \t;a=\"b\"\r\nhello\r\n0\r\n\r\n", "hello")]
    [InlineData("0\r\n\r\n", "")]
    public void Chunk_data_is_found_wherever_the_bytes_are_cut(string framed, string data)
    {
        for (var cut = 0; cut <= framed.Length; cut++)
        {
            var scanner = new ChunkScanner();
            var found = Read(ref scanner, framed[..cut]) + Read(ref scanner, framed[cut..]);

            Assert.Equal(data, found);
            Assert.True(scanner.Ended);
        }
    }

    [Fact]
    public void Bytes_after_the_last_chunk_do_not_belong_to_the_body()
    {
        var scanner = new ChunkScanner();
        var bytes = Encoding.ASCII.GetBytes("1\r\na\r\n0\r\n\r\nHTTP/1.1 200 OK");
        var at = 0;
        while (!scanner.Ended)
        {
            at += scanner.Next(bytes.AsSpan(at), out _);
        }

        Assert.Equal("HTTP/1.1 200 OK", Encoding.ASCII.GetString(bytes.AsSpan(at)));
    }

    [Fact]
    public void A_truncated_body_has_not_ended()
    {
        var scanner = new ChunkScanner();

        Assert.Equal("hel", Read(ref scanner, "5\r\nhel"));
        Assert.False(scanner.Ended);
    }

    [Theory]
    [InlineData("ffffffffffffffffffffff\r\nhello")]
    [InlineData("5\nhello\r\n0\r\n\r\n")]
    [InlineData("5\r\nhello\n0\r\n\r\n")]
    [InlineData("5\r\nhello0\r\n\r\n")]
    [InlineData("5\r\nhello\r\n0\r\n\n")]
    [InlineData("5\r\nhello\r\n0\r\nTrailer: x\n\r\n")]
    [InlineData("5;a\n\r\nhello")]
    [InlineData("5\rXhello")]
    [InlineData("\r\nhello")]
    [InlineData("-5\r\nhello")]
    [InlineData("+5\r\nhello")]
    [InlineData("0x5\r\nhello")]
    [InlineData(" 5\r\nhello")]
    public void Framing_that_two_parsers_could_read_differently_never_ends(string framed)
    {
        for (var cut = 0; cut <= framed.Length; cut++)
        {
            var scanner = new ChunkScanner();
            _ = Read(ref scanner, framed[..cut]) + Read(ref scanner, framed[cut..] + "\r\n0\r\n\r\n");

            Assert.True(scanner.IsBroken);
            Assert.False(scanner.Ended);
        }
    }

    private static string Read(ref ChunkScanner scanner, string text)
    {
        var bytes = Encoding.ASCII.GetBytes(text).AsSpan();
        var found = new StringBuilder();
        while (!bytes.IsEmpty && !scanner.Ended)
        {
            var passed = scanner.Next(bytes, out var data);
            found.Append(Encoding.ASCII.GetString(bytes[(passed - data)..passed]));
            bytes = bytes[passed..];
        }

        return found.ToString();
    }
}
