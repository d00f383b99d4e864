using System.Globalization;
using System.Text;
using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>The scanner reports the same fields whether the bytes of a stream arrive line by line or byte by byte.</summary>
public sealed class JsonCutTests
{
    private static readonly JsonFields s_fields = new(
        ("model", 0, JsonWant.Value),
        ("message.content", 1, JsonWant.Value),
        ("message.tool_calls[]", 2, JsonWant.Value),
        ("message.tool_calls[].name", 3, JsonWant.Value),
        ("message.tool_calls[].arguments", 4, JsonWant.Raw),
        ("done", 5, JsonWant.Value),
        ("count", 6, JsonWant.Value),
        ("images", 7, JsonWant.Presence));

    [Theory]
    [InlineData("""{"model":"a","created_at":"10:00","message":{"role":"assistant","content":"*"},"done":false}""")]
    [InlineData("""{"message":{"content":"*"},"count":17,"done":null,"images":["x","y"]}""")]
    [InlineData("""{ "model" : "*" , "images" : "*" , "MESSAGE" : { "Content" : "*", "content": "*" } }""")]
    [InlineData("""{"message":{"tool_calls":[{"name":"*"},{"name":"b"}],"content":""}}""")]
    [InlineData("""{"message":{"tool_calls":[{"name":"f","arguments":{"x":"*"}}],"content":"*"}}""")]
    [InlineData("""{"unknown":{"deep":["*",{"model":"no"}]},"model":"*"}""")]
    [InlineData("""{"model":"*"}{"model":"b"} {"done":true}""")]
    [InlineData("""{"*":"*","model":"*"}""")]
    [InlineData("""{}""")]
    [InlineData("""["*",{"model":"*"}]""")]
    [InlineData("""{"model":"*","message":{"content":"*"}""")]
    [InlineData("""{"model":"*",,"done":true}""")]
    public void A_stream_reports_the_same_fields_by_lines_and_by_bytes(string shape)
    {
        string[] texts = ["a", "", "Hello", "ü€😀", "with \\\"quotes\\\"", "\\\\", "\\u00e9",
            "{\"model\":\"no\"}".Replace("\"", "\\\"", StringComparison.Ordinal), "}\\n{", new string('x', 2_000)];
        var body = string.Concat(Enumerable.Range(0, 40).Select(line => Fill(shape, texts, line) + "\n"));

        Assert.Equal(Reported(body, whole: false), Reported(body, whole: true));
    }

    [Fact]
    public void Random_streams_report_the_same_fields_by_lines_and_by_bytes()
    {
        var random = new Random(4711);
        string[] shapes =
        [
            """{"model":"a","created_at":"*","message":{"role":"assistant","content":"*"},"done":false}""",
            """{"model":"a","created_at":"*","message":{"role":"assistant","content":"*"},"done":true}""",
            """{"model":"a","created_at":"*","message":{"content":"*","tool_calls":[{"name":"*"}]},"count":12}""",
            """{"error":"*"}""", "null", "17", """{"model":""", "",
        ];
        for (var stream = 0; stream < 300; stream++)
        {
            var text = new StringBuilder();
            for (var line = random.Next(30); line >= 0; line--)
            {
                var shape = shapes[random.Next(4) > 0 ? 0 : random.Next(shapes.Length)];
                text.Append(Fill(shape, [" the", " sky", "\\n", "\\\"", "", "\\", "é"], random.Next())).Append(random.Next(20) == 0 ? "" : "\n");
            }

            var body = text.ToString();

            Assert.Equal(Reported(body, whole: false), Reported(body, whole: true));
        }
    }

    [Fact]
    public void A_text_over_the_limit_is_counted_the_same_by_lines_and_by_bytes()
    {
        var line = """{"model":"a","message":{"content":"*"},"done":false}""";
        var body = string.Join('\n', line, line, line, line.Replace("*", new string('x', JsonFieldScanner.MaxText + 10), StringComparison.Ordinal), line);

        Assert.Equal(Reported(body, whole: false), Reported(body, whole: true));
    }

    private static string Fill(string shape, string[] texts, int seed)
    {
        var filled = new StringBuilder();
        foreach (var part in shape.Split('*'))
        {
            filled.Append(filled.Length > 0 ? texts[(int)((uint)seed++ % (uint)texts.Length)] : "").Append(part);
        }

        return filled.ToString();
    }

    private static List<string> Reported(string body, bool whole)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        var sink = new Sink();
        var scanner = new JsonFieldScanner(s_fields, sink);
        if (whole)
        {
            // Line by line, as streams usually arrive.
            for (var at = 0; at < bytes.Length;)
            {
                var length = bytes.AsSpan(at).IndexOf((byte)'\n') is var line and >= 0 ? line + 1 : bytes.Length - at;
                scanner.Read(bytes.AsSpan(at, length));
                at += length;
            }
        }
        else
        {
            for (var at = 0; at < bytes.Length; at++)
            {
                scanner.Read(bytes.AsSpan(at, 1));
            }
        }

        scanner.Finish();
        return [.. sink.Reported, string.Create(CultureInfo.InvariantCulture, $"{scanner.Documents} {scanner.IsBroken} {scanner.IsBetweenDocuments}")];
    }

    private sealed class Sink : IJsonFieldSink
    {
        public List<string> Reported { get; } = [];

        public void Text(int field, ReadOnlySpan<byte> utf8, long length) => Reported.Add($"text {field} {Encoding.UTF8.GetString(utf8)} {length}");

        public void Literal(int field, ReadOnlySpan<byte> token) => Reported.Add($"literal {field} {Encoding.UTF8.GetString(token)}");

        public void Raw(int field, ReadOnlySpan<byte> json, bool isWhole) => Reported.Add($"raw {field} {Encoding.UTF8.GetString(json)} {isWhole}");

        public void Present(int field) => Reported.Add($"present {field}");

        public void Begin(int field) => Reported.Add($"begin {field}");

        public void End(int field) => Reported.Add($"end {field}");

        public void DocumentEnd() => Reported.Add("document");
    }
}
