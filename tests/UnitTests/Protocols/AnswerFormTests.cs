using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>The formats of a response under any media type, and its possible ends. Each body is read whole, byte by byte, and cut at every byte.</summary>
public sealed class AnswerFormTests
{
    private const string Chat = "/api/chat";
    private const string Pull = "/api/pull";
    private const string OpenAi = "/v1/chat/completions";
    private const string Responses = "/v1/responses";
    private const string Messages = "/v1/messages";

    private static readonly string[] s_mediaTypes = ["application/json", "application/x-ndjson", "text/event-stream", "text/plain; charset=utf-8", ""];

    private static readonly string[] s_forms =
    [
        "data: *\n\n", "data:*\n\n", "data: *\r\n\r\n", "data: *\r\r", "\uFEFFdata: *\n\n", "\n\n: hi\n\nid: 1\nretry: 5\nevent: foreign\ndata:\t *\n\n",
        "*\n", "*\r\n", "*", "\uFEFF \n*\n",
    ];

    /// <summary>A stream of "ab" in each dialect, as the JSON of its chunks; the last ones end it.</summary>
    private static readonly Dictionary<string, string[]> s_pieces = new()
    {
        [Chat] =
        [
            """{"message":{"content":"a"},"done":false}""", """{"message":{"content":"b"},"done":false}""",
            """{"done":true,"done_reason":"stop","eval_count":2}""",
        ],
        [OpenAi] =
        [
            """{"choices":[{"delta":{"content":"a"}}]}""", """{"choices":[{"delta":{"content":"b"}}]}""",
            """{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}""",
        ],
        [Responses] =
        [
            """{"type":"response.created","response":{"status":"in_progress"}}""", """{"type":"response.output_text.delta","delta":"a"}""",
            """{"type":"response.output_text.delta","delta":"b"}""",
            """{"type":"response.completed","response":{"status":"stop","usage":{"output_tokens":2}}}""",
        ],
        [Messages] =
        [
            """{"type":"content_block_delta","delta":{"text":"a"}}""", """{"type":"content_block_delta","delta":{"text":"b"}}""",
            """{"type":"message_delta","delta":{"stop_reason":"stop"},"usage":{"output_tokens":2}}""", """{"type":"message_stop"}""",
        ],
    };

    public static TheoryData<string, string> Forms
    {
        get
        {
            var forms = new TheoryData<string, string>();
            foreach (var dialect in s_pieces.Keys)
            {
                foreach (var form in s_forms)
                {
                    forms.Add(dialect, form);
                }
            }

            return forms;
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void The_format_is_detected_from_the_body_and_not_from_the_media_type(string path, string form)
    {
        var mark = form.StartsWith('\uFEFF') ? "\uFEFF" : "";
        var body = mark + string.Concat(s_pieces[path].Select(piece => form[mark.Length..].Replace("*", piece, StringComparison.Ordinal)));

        foreach (var mediaType in s_mediaTypes)
        {
            Assert.All(
                EveryWay(path, mediaType, body),
                facts =>
                    Assert.Equal(("ab", "stop", 2, true, true),
                        (facts.Text, facts.FinishReason, facts.Usage.CompletionTokens, facts.Terminated, facts.Streamed)));
        }
    }

    [Theory]
    [InlineData(Chat, """{"message":{"content":"ab"},"done":true,"done_reason":"stop","eval_count":2}""")]
    [InlineData(OpenAi, """{"choices":[{"message":{"content":"ab"},"finish_reason":"stop"}],"usage":{"completion_tokens":2}}""")]
    [InlineData(Responses, """{"status":"stop","output":[{"type":"message","content":[{"text":"ab"}]}],"usage":{"output_tokens":2}}""")]
    [InlineData(Messages, """{"type":"message","content":[{"type":"text","text":"ab"}],"stop_reason":"stop","usage":{"output_tokens":2}}""")]
    public void A_single_object_completes_a_streamed_request(string path, string body)
    {
        foreach (var mediaType in s_mediaTypes)
        {
            Assert.All(
                EveryWay(path, mediaType, body),
                facts => Assert.Equal(("ab", "stop", 2, true), (facts.Text, facts.FinishReason, facts.Usage.CompletionTokens, facts.Terminated)));
        }
    }

    [Theory]
    [InlineData(Chat, """{"message":{"content":"ab"},"done":true}""")]
    [InlineData("/api/embed", """{"model":"a","embeddings":[[1]],"total_duration":5}""")]
    [InlineData("/v1/embeddings", """{"model":"a","data":[]}""")]
    [InlineData(OpenAi, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n")]
    [InlineData(OpenAi, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]")]
    [InlineData(Responses, "data: {\"type\":\"response.completed\",\"response\":{}}\n\n")]
    [InlineData(Messages, "data: {\"type\":\"message_stop\"}\n\n")]
    [InlineData(Pull, "{\"status\":\"pulling\"}\n{\"status\":\"success\"}\n")]
    public void A_terminator_completes_a_body_that_is_cut_after_it(string path, string body) =>
        Assert.True(Read(path, "application/x-ndjson", [Encoding.UTF8.GetBytes(body)], ended: false).Terminated);

    [Theory]
    [InlineData(OpenAi, "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n")]
    [InlineData(Messages, "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}\n\n")]
    [InlineData(Responses, "data: {\"type\":\"response.foreign\",\"response\":{\"status\":\"completed\"}}\n\n")]
    public void A_finish_reason_completes_a_body_that_ends_in_order(string path, string body)
    {
        Assert.True(Read(path, "text/event-stream", [Encoding.UTF8.GetBytes(body)]).Terminated);
        Assert.False(Read(path, "text/event-stream", [Encoding.UTF8.GetBytes(body)], ended: false).Terminated);
    }

    [Theory]
    [InlineData(Chat, "{\"message\":{\"content\":\"a\"},\"done\":false}\n")]
    [InlineData(Chat, "{\"message\":{\"content\":\"a\"},\"done\":false}\n{\"mess")]
    [InlineData(Chat, "")]
    [InlineData(Pull, "{\"status\":\"pulling manifest\"}\n")]
    [InlineData(Pull, "{\"status\":\"pulling manifest\"}\n{\"status\":\"pulling\"}\n")]
    [InlineData(OpenAi, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n")]
    [InlineData(OpenAi, "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DON")]
    [InlineData(OpenAi, ": only a comment\n\n")]
    [InlineData(OpenAi, "{\"choices\":[{\"mess")]
    [InlineData(Responses, "data: {\"type\":\"response.created\",\"response\":{\"status\":\"queued\"}}\n\n")]
    public void A_response_that_stops_midway_is_incomplete(string path, string body) =>
        Assert.All(EveryWay(path, "", body), facts => Assert.Equal((false, null), (facts.Terminated, facts.Failure)));

    [Theory]
    [InlineData("<html>Hello</html>")]
    [InlineData("Hello")]
    [InlineData("\u001f\u008b\0\u0001")]
    [InlineData("{not json}")]
    [InlineData("data: Hello\n\n")]
    public void A_body_in_an_unknown_format_has_unknown_facts(string body)
    {
        foreach (var path in s_pieces.Keys)
        {
            Assert.All(EveryWay(path, "application/json", body), facts => Assert.Equal(ResponseFacts.Unread(ParseFailure.UnknownFormat, null), facts));
        }
    }

    [Theory]
    [InlineData("[\"foreign\"]")]
    [InlineData("{\"foreign\":1}\n{\"foreign\":2}\n")]
    [InlineData("{\"message\":{\"content\":\"a\"},\"done\":false}\nlost\n")]
    public void A_stream_that_becomes_unparsable_has_unknown_facts(string body) =>
        Assert.All(EveryWay(Chat, "application/x-ndjson", body), facts => Assert.Equal(ResponseFacts.Unread(ParseFailure.UnknownFormat, null), facts));

    [Fact]
    public void A_transcription_may_be_plain_text() => Assert.All(
        EveryWay("/v1/audio/transcriptions", "", "1\n00:00 --> 00:01\nhello there"),
        facts => Assert.Equal(("1\n00:00 --> 00:01\nhello there", true, null), (facts.Text, facts.Terminated, facts.Failure)));

    [Theory]
    [InlineData("event: error\ndata: boom\n\n")]
    [InlineData("event:error\rdata: {\"message\":\"boom\"}\r\r")]
    [InlineData("error: {\"code\":500,\"message\":\"boom\"}\n\n")]
    [InlineData("data: {\"error\":{\"code\":500}}\n\n")]
    [InlineData("data: {\"error\":true}\n\n")]
    [InlineData("{\"error\":\"boom\"}\n")]
    [InlineData("data: {\"error\":\"boom\"}")]
    public void An_error_is_recognized_in_every_format(string error)
    {
        foreach (var path in s_pieces.Keys)
        {
            var pieces = string.Concat(s_pieces[path].Select(piece => $"data: {piece}\n\n"));
            Assert.All(EveryWay(path, "text/event-stream", pieces + error), facts => Assert.NotNull(facts.Error));
            Assert.All(EveryWay(path, "text/event-stream", error), facts => Assert.NotNull(facts.Error));
        }
    }

    [Theory]
    [InlineData("null")]
    [InlineData("\"\"")]
    [InlineData("false")]
    public void A_response_without_an_error_reports_none(string error)
    {
        foreach (var path in s_pieces.Keys)
        {
            Assert.Null(Read(path, "application/json", [Encoding.UTF8.GetBytes($$"""{"model":"a","error":{{error}}}""")]).Error);
        }
    }

    [Fact]
    public void A_failed_response_is_an_error_without_a_message_too() =>
        Assert.NotNull(Read(Responses, "application/json", ["""{"status":"failed","error":null}"""u8.ToArray()]).Error);

    [Fact]
    public void A_deletion_has_an_empty_response_body()
    {
        Assert.True(Read("/api/delete", null, []).Terminated);
        Assert.False(Read("/api/delete", null, [], ended: false).Terminated);
    }

    internal static ResponseFacts Read(string path, string? mediaType, IEnumerable<byte[]> pieces, bool ended = true)
    {
        var endpoint = ApiEndpoint.FromPath(path);
        var reader = WireProtocols.Of(endpoint).CreateResponseReader(endpoint, new ResponseHead(200, mediaType, 0))!;
        foreach (var piece in pieces)
        {
            reader.Read(piece, timestamp: 0);
        }

        return reader.Complete(TimeProvider.System, ended);
    }

    private static IEnumerable<ResponseFacts> EveryWay(string path, string mediaType, string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        yield return Read(path, mediaType, [bytes]);
        yield return Read(path, mediaType, bytes.Select(value => new[] { value }));
        for (var cut = 1; cut < bytes.Length; cut++)
        {
            yield return Read(path, mediaType, [bytes[..cut], bytes[cut..]]);
        }
    }
}
