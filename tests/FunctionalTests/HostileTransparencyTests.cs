using System.Globalization;
using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// Whatever a body contains and whatever type it claims, no byte and no chunk boundary changes in either direction.
/// </summary>
public sealed class HostileTransparencyTests
{
    private static readonly string[] s_paths =
    [
        "/api/generate", "/api/chat", "/api/embed", "/api/pull", "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/responses", "/v1/messages",
        "/v1/audio/transcriptions", "/other",
    ];

    private static readonly string[] s_types = ["application/json", "application/x-ndjson", "text/event-stream", "text/plain",
        "multipart/form-data; boundary=b", "nonsense"];

    private static readonly string[] s_codings = ["", "", "", "Content-Encoding: gzip\r\n", "Content-Encoding: br\r\n", "Content-Encoding: zstd\r\n",
        "Content-Encoding: nonsense\r\n"];

    [Fact]
    public async Task No_byte_and_no_chunk_boundary_changes()
    {
        var random = new Random(20_261_124);
        byte[] answer = [];
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            // The response of the next round may be set before the write of this one's last segment returns.
            var mine = answer;
            var cuts = new Random(mine.Length);
            for (var at = 0; at < mine.Length;)
            {
                var length = Math.Min(mine.Length - at, cuts.Next(1, 3_000));
                await connection.WriteAsync(mine.AsMemory(at, length));
                at += length;
            }

            return true;
        });
        var recorded = new RecordedRequests();
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, configure: recorded.Register);
        const int Rounds = 300;

        for (var round = 0; round < Rounds; round++)
        {
            var (path, type) = (Pick(s_paths, random), Pick(s_types, random));
            var body = Body(random);
            answer = Framed($"HTTP/1.1 {(random.Next(4) == 0 ? "500 Oops" : "200 OK")}\r\nContent-Type: {Pick(s_types, random)}\r\n{Pick(s_codings, random)}",
                Body(random), random);
            var request = Framed($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {type}\r\n{Pick(s_codings, random)}", body, random);

            var received = await RawHttp.SendAsync(proxy.Port, request, isHead: false);

            Assert.Equal(HttpMessage.Parse(answer).RawBody, HttpMessage.Parse(received.Bytes).RawBody);
            Assert.Equal(body, HttpMessage.Parse(upstream.Requests[^1]).Body);
        }

        await Eventually.TrueAsync(() => recorded.All.Count == Rounds);
    }

    private static string Pick(string[] choices, Random random) => choices[random.Next(choices.Length)];

    private static byte[] Body(Random random)
    {
        var body = new byte[random.Next(4) == 0 ? random.Next(200_000) : random.Next(2_000)];
        random.NextBytes(body);
        string[] starts = ["", "{\"model\":\"a\",\"stream\":true,\"messages\":[{\"content\":\"", "data: {\"choices\":[",
            "{\"response\":\"x\",\"done\":false}\n", "--b\r\n", "{\"error\":\""];
        return [.. Encoding.ASCII.GetBytes(Pick(starts, random)), .. body];
    }

    /// <summary>Frames a body by its length, or in chunks of random sizes.</summary>
    private static byte[] Framed(string head, byte[] body, Random random)
    {
        if (random.Next(2) == 0)
        {
            return [.. Encoding.ASCII.GetBytes($"{head}Content-Length: {body.Length}\r\n\r\n"), .. body];
        }

        var framed = new List<byte>(Encoding.ASCII.GetBytes($"{head}Transfer-Encoding: chunked\r\n\r\n"));
        for (var at = 0; at < body.Length;)
        {
            var length = Math.Min(body.Length - at, random.Next(1, 20_000));
            framed.AddRange(Encoding.ASCII.GetBytes(length.ToString("x", CultureInfo.InvariantCulture) + "\r\n"));
            framed.AddRange(body.AsSpan(at, length));
            framed.AddRange("\r\n"u8);
            at += length;
        }

        framed.AddRange("0\r\n\r\n"u8);
        return [.. framed];
    }
}
