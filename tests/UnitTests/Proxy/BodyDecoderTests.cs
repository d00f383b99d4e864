using System.IO.Compression;
using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class BodyDecoderTests
{
    private static readonly byte[] s_body = Encoding.UTF8.GetBytes(
        "{\"model\":\"phi4\",\"messages\":[" + string.Join(',', Enumerable.Range(0, 500).Select(n => $"{{\"role\":\"user\",\"content\":\"message {n} \u00e9\"}}")) + "]}");

    public static TheoryData<string> Codings => ["gzip", "x-gzip", "GZIP", "br", "deflate", "zstd"];

    [Theory]
    [MemberData(nameof(Codings))]
    public void A_compressed_body_is_understood_wherever_it_is_cut(string coding)
    {
        var encoded = Encode(s_body, coding);
        Assert.NotEqual(s_body.Length, encoded.Length);

        foreach (var size in (int[])[1, 7, 1_000, encoded.Length])
        {
            var facts = Read(coding, encoded.Chunk(size));

            Assert.Equal(("phi4", "message 499 é", 500, false), (facts.Model, facts.Prompt, facts.MessageCount, facts.Malformed));
        }
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public void What_a_stream_holds_is_seen_when_it_arrives(string coding)
    {
        using var target = new MemoryStream();
        using var encoder = Encoder(target, coding);
        using var decoder = BodyDecoder.For(coding)!;
        var buffer = new byte[1_000];
        foreach (var token in (string[])["one", "two", "three"])
        {
            encoder.Write(Encoding.ASCII.GetBytes(token));
            encoder.Flush();
            decoder.Push(target.ToArray());
            target.SetLength(0);
            var seen = "";
            for (var length = decoder.Read(buffer); length > 0; length = decoder.Read(buffer))
            {
                seen += Encoding.ASCII.GetString(buffer, 0, length);
            }

            Assert.Equal(token, seen);
        }
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public void A_body_that_is_not_what_it_says_is_malformed_and_no_failure(string coding)
    {
        var random = new Random(7);
        var encoded = Encode(s_body, coding);
        for (var round = 0; round < 200; round++)
        {
            var damaged = encoded.ToArray();
            damaged[random.Next(damaged.Length)] ^= (byte)random.Next(1, 256);
            Read(coding, damaged.Chunk(random.Next(1, 200)));
        }

        Assert.True(Read(coding, [Encoding.ASCII.GetBytes("{\"model\":\"a\"}")]).Malformed);
    }

    [Theory]
    [InlineData("gzip, br")]
    [InlineData("compress")]
    [InlineData("")]
    [InlineData(null)]
    public void An_unknown_coding_is_not_decoded(string? coding)
    {
        Assert.Null(BodyDecoder.For(coding));
    }

    [Fact]
    public void A_small_body_that_becomes_an_endless_one_is_given_up()
    {
        using var target = new MemoryStream();
        using (var encoder = new BrotliStream(target, CompressionLevel.Fastest, leaveOpen: true))
        {
            var zeros = new byte[1024 * 1024];
            for (var megabyte = 0; megabyte < 300; megabyte++)
            {
                encoder.Write(zeros);
            }
        }

        using var decoder = BodyDecoder.For("br")!;
        var buffer = new byte[64 * 1024];
        decoder.Push(target.ToArray());
        var total = 0L;
        for (var length = decoder.Read(buffer); length > 0; length = decoder.Read(buffer))
        {
            total += length;
        }

        Assert.InRange(total, 256L * 1024 * 1024, 257L * 1024 * 1024);
    }

    private static RequestFacts Read(string coding, IEnumerable<byte[]> pieces)
    {
        var inner = WireProtocols.Of(ApiEndpoint.OpenAiChat).CreateRequestReader(ApiEndpoint.OpenAiChat, null)!;
        var reader = new DecodedRequestReader(inner, BodyDecoder.For(coding)!);
        foreach (var piece in pieces)
        {
            reader.Read(piece);
        }

        return reader.Complete();
    }

    private static byte[] Encode(byte[] body, string coding)
    {
        using var target = new MemoryStream();
        using (var encoder = Encoder(target, coding))
        {
            encoder.Write(body);
        }

        return target.ToArray();
    }

    private static Stream Encoder(Stream target, string coding) => coding switch
    {
        "br" => new BrotliStream(target, CompressionLevel.Fastest, leaveOpen: true),
        "deflate" => new ZLibStream(target, CompressionLevel.Fastest, leaveOpen: true),
        "zstd" => new ZstdSharp.CompressionStream(target, level: 3, leaveOpen: true),
        _ => new GZipStream(target, CompressionLevel.Fastest, leaveOpen: true),
    };
}
