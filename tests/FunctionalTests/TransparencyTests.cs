using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// Every recording of a real Ollama, replayed by an upstream that sends exactly its bytes, once to a client directly and once through the proxy:
/// the client must see the same, and Ollama must be asked the same.
/// </summary>
public sealed class TransparencyTests
{
    /// <summary>
    /// Requests that the proxy refuses or answers itself instead of forwarding them (docs/transparency.md, TransparencyExceptionTests).
    /// </summary>
    private static readonly Dictionary<string, string> s_exceptions = new()
    {
        ["76-no-host"] = "HTTP/1.1 without Host: refused by the server with 400, as by Ollama; the text differs",
        ["76e-garbage"] = "not HTTP: refused with 400",
        ["76f-h2-prior-knowledge"] = "HTTP/2 preface: refused with a GOAWAY frame, which says what HTTP/2 clients understand",
        ["76h-connect"] = "CONNECT: answered in Ollama's words",
        ["76j-big-header"] = "a head over 1 MiB: refused with 431 (the recording holds only the head's beginning)",
        ["76l-two-cl"] = "two Content-Lengths: refused with 400",
    };

    /// <summary>The only request whose response gains a header. It has both lengths, so the proxy closes the connection and announces it.</summary>
    private const string AmbiguousLength = "76k-cl-te";

    public static TheoryData<bool> Timings => new(true, false);

    [Theory]
    [MemberData(nameof(Timings))]
    public async Task The_client_gets_exactly_the_response_and_ollama_exactly_the_request(bool inOneSegment)
    {
        var failures = new List<string>();
        await Parallel.ForEachAsync(
            Transcript.Names.Where(name => !s_exceptions.ContainsKey(name)),
            new ParallelOptions { MaxDegreeOfParallelism = 8 },
            async (name, _) =>
            {
                var differences = await CompareAsync(Transcript.Load(name), inOneSegment);
                lock (failures)
                {
                    failures.AddRange(differences.Select(difference => $"{name}: {difference}"));
                }
            });

        Assert.True(failures.Count == 0, string.Join(Environment.NewLine, failures.Order(StringComparer.Ordinal)));
    }

    private static async Task<List<string>> CompareAsync(Transcript recording, bool inOneSegment)
    {
        var cut = !recording.Response.IsWhole;
        var closes = cut || recording.Response.Header("Connection") == "close" || recording.Response.StartLine.StartsWith("HTTP/1.0", StringComparison.Ordinal);
        var pieces = recording.Pieces().Select(piece => (TimeSpan.FromMilliseconds(Math.Min(piece.At.TotalMilliseconds, 2_000)), piece.Bytes)).ToArray();
        if (inOneSegment)
        {
            pieces = pieces.Length == 0 ? [] : [(TimeSpan.Zero, recording.ResponseBytes)];
        }

        await using var upstream = new RawUpstream(RawUpstream.Replay(pieces, closes || pieces.Length == 0));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);
        var isHead = recording.Method == "HEAD";

        var direct = await RawHttp.SendAsync(upstream.Port, recording.RequestBytes, isHead);
        var proxied = await RawHttp.SendAsync(proxy.Port, recording.RequestBytes, isHead);

        List<string> differences = [];
        var requests = upstream.Requests;
        if (requests.Count != 2)
        {
            differences.Add($"Ollama was asked {requests.Count} times");
            return differences;
        }

        CompareRequests(HttpMessage.Parse(requests[0]), HttpMessage.Parse(requests[1]), differences);
        if (recording.ResponseBytes.Length > 0)
        {
            CompareAnswers(direct, proxied, isHead, differences);
            if (recording.Name == AmbiguousLength)
            {
                Assert.Equal("close", HttpMessage.Parse(proxied.Bytes).Header("Connection"));
                differences.RemoveAll(
                    difference => difference.StartsWith("headers:", StringComparison.Ordinal) || difference.StartsWith("end:", StringComparison.Ordinal));
            }
        }
        else if (proxied.Bytes.Length > 0 && !Encoding.ASCII.GetString(proxied.Bytes).StartsWith("HTTP/1.1 502", StringComparison.Ordinal))
        {
            differences.Add("nothing came from Ollama, but something other than 502 from the proxy");
        }

        return differences;
    }

    private static void CompareRequests(HttpMessage direct, HttpMessage proxied, List<string> differences)
    {
        // The origin form is equivalent to the absolute form, and the only form a client sends to an origin server.
        var expected = direct.StartLine.Replace("http://127.0.0.1:11435", "", StringComparison.Ordinal);
        Check("request line", expected, proxied.StartLine, differences);
        // Transfer-Encoding wins over Content-Length, and both must not be sent (RFC 9112, section 6.3).
        var ignored = direct.IsChunked ? "Content-Length" : null;
        Check("request headers", HeadersOf(direct, ignored), HeadersOf(proxied, ignored), differences);
        Check("request body", Encoding.Latin1.GetString(direct.Body), Encoding.Latin1.GetString(proxied.Body), differences);
    }

    private static void CompareAnswers(RawAnswer directAnswer, RawAnswer proxiedAnswer, bool isHead, List<string> differences)
    {
        var direct = HttpMessage.Parse(RawHttp.WithoutInterim(directAnswer.Bytes), !isHead);
        var proxied = HttpMessage.Parse(RawHttp.WithoutInterim(proxiedAnswer.Bytes), !isHead);
        Check("status line", direct.StartLine.Replace("HTTP/1.0", "HTTP/1.1", StringComparison.Ordinal), proxied.StartLine, differences);
        Check("headers", HeadersOf(direct, "Date"), HeadersOf(proxied, "Date"), differences);
        Check("body with its framing", Encoding.Latin1.GetString(direct.RawBody), Encoding.Latin1.GetString(proxied.RawBody), differences);
        Check("end", directAnswer.End, proxiedAnswer.End, differences);
    }

    private static string HeadersOf(HttpMessage message, string? ignored) => string.Join(
        " | ",
        message.Headers
            .Where(header => !header.Name.Equals(ignored, StringComparison.OrdinalIgnoreCase))
            .Select(header => $"{header.Name.ToLowerInvariant()}: {header.Value}")
            .Order(StringComparer.Ordinal));

    private static void Check<T>(string what, T direct, T proxied, List<string> differences)
    {
        if (!Equals(direct, proxied))
        {
            differences.Add($"{what}: direct <{Short(direct)}> proxied <{Short(proxied)}>");
        }
    }

    private static string Short<T>(T value) => value?.ToString() is { Length: > 400 } text ? text[..400] + "..." : value?.ToString() ?? "";
}
