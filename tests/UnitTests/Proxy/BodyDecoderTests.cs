using System.IO.Compression;
using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class BodyDecoderTests
{
    /// <summary>Raw deflate, which some servers also send under the name <c>deflate</c>.</summary>
    private const string RawDeflate = "raw deflate";

    private static readonly byte[] s_body = Encoding.UTF8.GetBytes(
        "{\"model\":\"phi4\",\"messages\":["
            + string.Join(',', Enumerable.Range(0, 500).Select(n => $"{{\"role\":\"user\",\"content\":\"message {n} \u00e9\"}}")) + "]}");

    public static TheoryData<string> Codings =>
    [
        "gzip", "x-gzip", "GZIP", "br", "deflate", RawDeflate, "zstd",
        "gzip, identity", "identity , GZip", "deflate, gzip", "gzip,br", "br,\tzstd", "gzip, gzip,none",
    ];

    [Theory]
    [MemberData(nameof(Codings))]
    public void A_compressed_body_is_decoded_wherever_it_is_cut(string coding)
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
    public void A_compressed_stream_is_decoded_as_it_arrives(string coding)
    {
        using var target = new MemoryStream();
        using var encoder = Encoder(target, coding);
        using var decoder = Decoder(coding);
        foreach (var token in (string[])["one", "two", "three"])
        {
            encoder.Write(Encoding.ASCII.GetBytes(token));
            encoder.Flush();
            decoder.Push(target.ToArray());
            target.SetLength(0);
            var seen = "";
            for (var decoded = decoder.Read(); !decoded.IsEmpty; decoded = decoder.Read())
            {
                seen += Encoding.ASCII.GetString(decoded);
            }

            Assert.Equal(token, seen);
        }
    }

    [Theory]
    [MemberData(nameof(Codings))]
    public void A_body_that_does_not_match_its_encoding_has_unknown_facts(string coding)
    {
        var random = new Random(7);
        var encoded = Encode(s_body, coding);
        for (var round = 0; round < 200; round++)
        {
            var damaged = encoded.ToArray();
            damaged[random.Next(damaged.Length)] ^= (byte)random.Next(1, 256);
            Read(coding, damaged.Chunk(random.Next(1, 200)));
        }

        // Raw deflate has neither a header nor a checksum, so it decodes other bytes to garbage, which is not JSON.
        var failure = coding is "deflate" or RawDeflate ? ParseFailure.Malformed : ParseFailure.UnknownEncoding;
        Assert.Equal(new RequestFacts { Failure = failure }, Read(coding, [Encoding.ASCII.GetBytes("{\"model\":\"a\"}")]));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("identity")]
    [InlineData(" Identity , none")]
    [InlineData(",")]
    public void A_body_without_an_encoding_needs_no_decoder(string? encoding) => Assert.Empty(BodyDecoder.EncodingsOf(encoding));

    [Theory]
    [InlineData("compress")]
    [InlineData("gzip, compress")]
    [InlineData("gzip;q=1")]
    [InlineData("gzip, gzip, gzip, gzip")]
    public void An_unknown_encoding_is_not_decoded(string encoding)
    {
        var budget = new DecoderBudget(0);

        Assert.Equal(ParseFailure.UnknownEncoding, Read(encoding, [s_body], budget).Failure);
    }

    [Fact]
    public void A_body_of_several_members_or_frames_is_read_to_its_end()
    {
        foreach (var coding in (string[])["gzip", "zstd"])
        {
            byte[] encoded = [.. Encode(s_body[..10_000], coding), .. Encode(s_body[10_000..10_001], coding), .. Encode(s_body[10_001..], coding)];
            foreach (var size in (int[])[1, 7, 1_000, encoded.Length])
            {
                Assert.Equal(500, Read(coding, encoded.Chunk(size)).MessageCount);
            }

            Assert.Equal(500, Read(coding, [Encode(s_body[..10_000], coding), Encode(s_body[10_000..], coding)]).MessageCount);
        }
    }

    [Fact]
    public void A_response_damaged_after_its_terminator_keeps_its_facts()
    {
        var answer = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n"u8.ToArray();

        var facts = ReadAnswer([.. Encode(answer, "zstd"), .. "damaged"u8]);
        Assert.Equal(("a", true, null), (facts.Text, facts.Terminated, facts.Failure));
    }

    [Fact]
    public void An_error_before_the_damage_is_still_reported()
    {
        var answer = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":\"boom\"}\n\n"u8.ToArray();

        Assert.Equal(ResponseFacts.Unread(ParseFailure.UnknownEncoding, "boom"), ReadAnswer([.. Encode(answer, "zstd"), .. "damaged"u8]));
    }

    [Fact]
    public void Decoding_stops_at_the_memory_budget_and_resumes_when_memory_is_free()
    {
        var budget = new DecoderBudget(10 * 1024 * 1024);
        var encoded = Encode(s_body, "zstd");
        using var first = new BodyDecoder(["zstd"], budget);
        first.Push(encoded.AsSpan(0, 5));
        Assert.True(first.Read().IsEmpty);

        Assert.Equal(new RequestFacts { Failure = ParseFailure.DecoderLimit }, Read("zstd", [encoded], budget));
        Assert.Equal("phi4", Read("gzip", [Encode(s_body, "gzip")], budget).Model);

        first.Dispose();
        Assert.Equal("phi4", Read("zstd", [encoded], budget).Model);
        Assert.Equal("phi4", Read("zstd", [encoded], budget).Model);
    }

    [Fact]
    public void A_decoder_takes_no_memory_before_its_first_byte_and_none_after_damage()
    {
        var budget = new DecoderBudget(10 * 1024 * 1024);
        using var idle = new BodyDecoder(["zstd"], budget);
        using var damaged = new BodyDecoder(["zstd"], budget);
        damaged.Push("no zstd at all"u8);
        Assert.True(damaged.Read().IsEmpty);

        Assert.Equal("phi4", Read("zstd", [Encode(s_body, "zstd")], budget).Model);
    }

    [Fact]
    public void A_small_body_that_decodes_to_an_endless_one_is_abandoned()
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

        using var decoder = Decoder("br");
        decoder.Push(target.ToArray());
        var total = 0L;
        for (var decoded = decoder.Read(); !decoded.IsEmpty; decoded = decoder.Read())
        {
            total += decoded.Length;
        }

        Assert.InRange(total, 255L * 1024 * 1024, 256L * 1024 * 1024);
        Assert.Equal(ParseFailure.DecoderLimit, decoder.Failure);
    }

    [Fact]
    public void A_small_body_that_decodes_endlessly_to_nothing_is_abandoned()
    {
        // Empty gzip members, which brotli compresses to almost nothing.
        var empty = Convert.FromHexString("1F8B080000000000000303000000000000000000");
        var members = Enumerable.Repeat(empty, 1024 * 1024 / empty.Length).SelectMany(static member => member).ToArray();
        using var target = new MemoryStream();
        using (var encoder = new BrotliStream(target, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (var megabyte = 0; megabyte < 300; megabyte++)
            {
                encoder.Write(members);
            }
        }

        using var decoder = Decoder("gzip, br");
        decoder.Push(target.ToArray());

        Assert.True(decoder.Read().IsEmpty);
        Assert.Equal(ParseFailure.DecoderLimit, decoder.Failure);
    }

    private static BodyDecoder Decoder(string coding, DecoderBudget? budget = null) =>
        new(BodyDecoder.EncodingsOf(coding == RawDeflate ? "deflate" : coding), budget ?? new DecoderBudget());

    private static ResponseFacts ReadAnswer(byte[] encoded)
    {
        var inner = WireProtocols.Of(ApiEndpoint.OpenAiChat).CreateResponseReader(ApiEndpoint.OpenAiChat, new ResponseHead(200, "text/event-stream", 0))!;
        var reader = new DecodedResponseReader(inner, Decoder("zstd"));
        reader.Read(encoded, timestamp: 0);
        return reader.Complete(TimeProvider.System, ended: true);
    }

    private static RequestFacts Read(string coding, IEnumerable<byte[]> pieces, DecoderBudget? budget = null)
    {
        var inner = WireProtocols.Of(ApiEndpoint.OpenAiChat).CreateRequestReader(ApiEndpoint.OpenAiChat, null)!;
        var reader = new DecodedRequestReader(inner, Decoder(coding, budget));
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

    /// <summary>Applies the encodings in their order in Content-Encoding, as a server does.</summary>
    private static Stream Encoder(Stream target, string coding)
    {
        var encodings = coding == RawDeflate ? [RawDeflate] : BodyDecoder.EncodingsOf(coding);
        return encodings.Reverse().Aggregate(target, static (inner, encoding) => EncoderOf(encoding, inner));
    }

    private static Stream EncoderOf(string encoding, Stream target) => encoding switch
    {
        "br" => new BrotliStream(target, CompressionLevel.Fastest),
        "deflate" => new ZLibStream(target, CompressionLevel.Fastest),
        RawDeflate => new DeflateStream(target, CompressionLevel.Fastest),
        "zstd" => new ZstdSharp.CompressionStream(target, level: 3, leaveOpen: false),
        _ => new GZipStream(target, CompressionLevel.Fastest),
    };
}
