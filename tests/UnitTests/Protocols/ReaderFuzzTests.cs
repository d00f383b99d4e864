using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>
/// Recordings with seeded random damage, and bodies without end: no reader throws, memory does not grow with the body's length, and each reader
/// reports the same facts however the damaged bytes are cut.
/// </summary>
public sealed class ReaderFuzzTests
{
    private const int Rounds = 40;

    private static readonly byte[][] s_poison =
    [
        [.. "\""u8], [.. "\\"u8], [.. "\\u12"u8], [.. "{"u8], [.. "}"u8], [.. "["u8], [.. "]"u8], [.. "\n"u8], [.. "\n\n"u8], [.. "\r\n"u8], [.. "data:"u8],
        [.. "data: [DONE]\n\n"u8],
        [.. "null"u8], [.. "1e999"u8], [.. "-"u8], [0xFF, 0xC0, 0x80], [0xF0, 0x9F], [0],
        [.. ",\"usage\":{\"prompt_tokens\":-5,\"completion_tokens\":99999999999}"u8],
        [.. "\"model\":\"x\","u8], [.. "{\"error\":"u8], [.. "--boundary"u8],
    ];

    public static TheoryData<string> Endpoints => [.. ApiEndpoint.All.Where(endpoint => endpoint.IsInference).Select(endpoint => endpoint.Label)];

    public static TheoryData<string> Recordings => RecordedFactsTests.Recordings;

    [Theory]
    [MemberData(nameof(Recordings))]
    public void A_damaged_recording_fails_no_reader_and_gives_the_same_facts_however_it_is_cut(string name)
    {
        var recording = Transcript.Load(name);
        var endpoint = ApiEndpoint.FromPath(recording.Target);
        var contentType = recording.Response.StartLine.Length > 0 ? recording.Response.Header("Content-Type") : null;
        var random = new Random(20_261_124 + name.Length);
        for (var round = 0; round < Rounds; round++)
        {
            var request = Damage(recording.Request.Body, random);
            Assert.Equal(Request(endpoint, [request]), Request(endpoint, Cut(request, random)));

            var response = Damage(recording.Response.Body, random);
            Assert.Equal(Response(endpoint, contentType, [response]), Response(endpoint, contentType, Cut(response, random)));
        }
    }

    [Theory]
    [MemberData(nameof(Endpoints))]
    public void Bodies_without_end_take_bounded_memory(string label)
    {
        var endpoint = ApiEndpoint.FromLabel(label)!;
        var piece = Encoding.UTF8.GetBytes(new string('é', 32 * 1024));
        var brackets = Encoding.ASCII.GetBytes(new string('[', 64 * 1024));
        foreach (var (start, endless) in ((string, byte[])[])[
            ("", piece), ("{\"model\":\"", piece), ("{\"messages\":[{\"content\":\"", piece), ("{\"prompt\":\"", piece), ("{\"a\":", brackets),
            ("{\"response\":\"", piece),
            ("data: ", piece), ("data: {\"choices\":[{\"delta\":{\"content\":\"", piece), ("data: {\"delta\":\"", piece), ("{\"error\":\"", piece),
            ("{\"input\":[", brackets),
            ("data: {\"item\":{\"arguments\":\"", piece), ("event: ", piece)])
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            Request(endpoint, [Encoding.ASCII.GetBytes(start), .. Enumerable.Repeat(endless, 200)]);
            foreach (var contentType in (string[])["application/json", "application/x-ndjson", "text/event-stream", "text/plain"])
            {
                Response(endpoint, contentType, [Encoding.ASCII.GetBytes(start), .. Enumerable.Repeat(endless, 200)]);
            }

            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 5 * 1024 * 1024);
        }
    }

    [Theory]
    [MemberData(nameof(Endpoints))]
    public void A_stream_without_end_takes_bounded_memory_for_its_chunks(string label)
    {
        var endpoint = ApiEndpoint.FromLabel(label)!;
        var lines = Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Repeat("{\"model\":\"a\",\"message\":{\"content\":\"x\"},\"response\":\"x\",\"done\":false}\n", 100)));
        var events = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(
            "data: {\"type\":\"response.output_text.delta\","
            + "\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"},\"choices\":[{\"delta\":{\"content\":\"x\"},\"text\":\"x\"}],\"model\":\"a\"}\n\n", 100)));

        var before = GC.GetAllocatedBytesForCurrentThread();
        Response(endpoint, "application/x-ndjson", Enumerable.Repeat(lines, 500));
        Response(endpoint, "text/event-stream", Enumerable.Repeat(events, 500));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 * 1024 * 1024);
    }

    private static byte[] Damage(byte[] body, Random random)
    {
        var damaged = body.ToList();
        for (var wounds = random.Next(1, 6); wounds > 0; wounds--)
        {
            var at = random.Next(damaged.Count + 1);
            switch (random.Next(5))
            {
                case 0 when at < damaged.Count:
                    damaged[at] = (byte)random.Next(256);
                    break;
                case 1 when at < damaged.Count:
                    damaged.RemoveRange(at, Math.Min(random.Next(1, 40), damaged.Count - at));
                    break;
                case 2 when at < damaged.Count:
                    damaged.InsertRange(at, damaged.GetRange(at, Math.Min(random.Next(1, 200), damaged.Count - at)));
                    break;
                case 3:
                    damaged.RemoveRange(at, damaged.Count - at);
                    break;
                default:
                    damaged.InsertRange(at, s_poison[random.Next(s_poison.Length)]);
                    break;
            }
        }

        return [.. damaged];
    }

    private static IEnumerable<byte[]> Cut(byte[] body, Random random)
    {
        for (var at = 0; at < body.Length;)
        {
            var length = Math.Min(body.Length - at, random.Next(1, 60));
            yield return body[at..(at + length)];
            at += length;
        }
    }

    private static RequestFacts? Request(ApiEndpoint endpoint, IEnumerable<byte[]> pieces)
    {
        var reader = WireProtocols.Of(endpoint).CreateRequestReader(endpoint, "multipart/form-data; boundary=boundary");
        foreach (var piece in pieces)
        {
            reader?.Read(piece);
        }

        return reader?.Complete();
    }

    private static ResponseFacts? Response(ApiEndpoint endpoint, string? contentType, IEnumerable<byte[]> pieces)
    {
        var reader = WireProtocols.Of(endpoint).CreateResponseReader(endpoint, new ResponseHead(200, contentType, 0));
        foreach (var piece in pieces)
        {
            reader?.Read(piece, timestamp: 0);
        }

        return reader?.Complete(TimeProvider.System, ended: true);
    }
}
