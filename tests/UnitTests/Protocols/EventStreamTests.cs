using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>Event streams that no current Ollama sends, but a cloud service, a later version or a fault may.</summary>
public sealed class EventStreamTests
{
    [Theory]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n")]
    [InlineData("data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:[DONE]\n\n")]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\ndata: [DONE]\r\n\r\n")]
    [InlineData(": a comment\n\nid: 1\nevent: x\nretry: 5\ndata: {\"choices\":[{\"delta\":\ndata: {\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n")]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]")]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata:  [DONE] \t")]
    [InlineData("data: {\"choices\":[{\"delta\":\rdata: {\"content\":\"a\"}}]}\r\rdata: [DONE]\r\r")]
    [InlineData("datax: {\"choices\":[{\"delta\":{\"content\":\"no\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n")]
    public void Events_are_parsed_in_every_form_the_format_allows(string stream)
    {
        Assert.All(Facts.EveryWay(ApiEndpoint.OpenAiChat, stream), facts => Assert.Equal(("a", true), (facts.Text, facts.Terminated)));
    }

    [Fact]
    public void A_truncated_value_in_an_event_costs_only_that_event()
    {
        const string Stream = "data: {\"choices\":[{\"delta\":{\"content\":\"lost\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\n\ndata: [DONE]\n\n";

        Assert.All(Facts.EveryWay(ApiEndpoint.OpenAiChat, Stream), facts => Assert.Equal(("b", true), (facts.Text, facts.Terminated)));

        const string Blocks =
            "data: {\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"name\":\"f\n\ndata: {\"delta\":{\"text\":\"b\"},\"type\":\"x\"}\n\n";
        Assert.All(Facts.EveryWay(ApiEndpoint.AnthropicMessages, Blocks), facts => Assert.Equal(("b", (string?)null), (facts.Text, facts.ToolCalls)));

        const string Items = "data: {\"delta\":\"lost\",\"item\":\"\n\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"b\"}\n\n";
        Assert.All(Facts.EveryWay(ApiEndpoint.OpenAiResponses, Items), facts => Assert.Equal("b", facts.Text));
    }

    [Fact]
    public void Data_that_only_resembles_the_DONE_marker_does_not_end_the_stream()
    {
        const string Stream = "data: [DON]\n\ndata: [DONE]x\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";

        Assert.All(Facts.EveryWay(ApiEndpoint.OpenAiChat, Stream), facts => Assert.Equal(("a", false), (facts.Text, facts.Terminated)));
    }

    [Fact]
    public void The_fragments_of_a_tool_calls_arguments_are_joined()
    {
        const string Stream =
            """
            data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}}]}}]}

            data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}}]}

            data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}}]}

            data: {"choices":[{"delta":{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"no json"}}]}}]}

            data: [DONE]


            """;

        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiChat, Stream),
            facts => Assert.Equal(("""[{"name":"f","arguments":{"x":1}},{"name":"g","arguments":"no json"}]""", 2), (facts.ToolCalls, facts.ToolCallCount)));
    }

    [Fact]
    public void An_error_event_is_an_error()
    {
        Assert.All(Facts.EveryWay(ApiEndpoint.OpenAiChat, "data: {\"error\":{\"message\":\"boom\"}}\n\n"),
            facts => Assert.Equal(("boom", false), (facts.Error, facts.Terminated)));
        Assert.All(Facts.EveryWay(ApiEndpoint.AnthropicMessages,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"x\",\"message\":\"boom\"}}\n\n"), facts => Assert.Equal("boom", facts.Error));
        Assert.All(Facts.EveryWay(ApiEndpoint.OpenAiResponses, "event: error\ndata: {\"message\":\"boom\",\"type\":\"error\"}\n\n"),
            facts => Assert.Equal("boom", facts.Error));
        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiResponses,
                "data: {\"response\":{\"status\":\"failed\",\"error\":{\"message\":\"boom\"}},\"type\":\"response.failed\"}\n\n"),
            facts => Assert.Equal(("boom", true), (facts.Error, facts.Terminated)));
    }

    [Fact]
    public void Cached_tokens_are_read_from_the_field_of_each_dialect()
    {
        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiChat,
                "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":50,\"completion_tokens\":2,"
                + "\"prompt_tokens_details\":{\"cached_tokens\":49}}}\n\ndata: [DONE]\n\n"),
            facts => Assert.Equal((50, 49, 2), (facts.Usage.PromptTokens, facts.Usage.CachedPromptTokens, facts.Usage.CompletionTokens)));
        Assert.All(
            Facts.EveryWay(ApiEndpoint.AnthropicMessages,
                "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"input_tokens\":1,\"cache_read_input_tokens\":40,"
                + "\"cache_creation_input_tokens\":9,\"output_tokens\":2}}\n\ndata: {\"type\":\"message_stop\"}\n\n"),
            facts =>
                Assert.Equal((50, 40, 2, true), (facts.Usage.PromptTokens, facts.Usage.CachedPromptTokens, facts.Usage.CompletionTokens, facts.Terminated)));
        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiResponses,
                "data: {\"response\":{\"status\":\"completed\",\"usage\":{\"input_tokens\":50,\"output_tokens\":2,"
                + "\"input_tokens_details\":{\"cached_tokens\":0}}},\"type\":\"response.completed\"}\n\n"),
            facts =>
                Assert.Equal((50, 0, 2, true), (facts.Usage.PromptTokens, facts.Usage.CachedPromptTokens, facts.Usage.CompletionTokens, facts.Terminated)));
    }

    [Fact]
    public void Reasoning_is_separate_from_the_response_text()
    {
        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiResponses,
                "data: {\"delta\":\"hm\",\"type\":\"response.reasoning_summary_text.delta\"}\n\n"
                + "data: {\"type\":\"response.output_text.delta\",\"delta\":\"yes\"}\n\n"),
            facts => Assert.Equal(("hm", "yes", 2), (facts.Thinking, facts.Text, facts.ContentPieces)));
        Assert.All(
            Facts.EveryWay(ApiEndpoint.AnthropicMessages,
                "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n"
                + "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"yes\"}}\n\n"),
            facts => Assert.Equal(("hm", "yes", 2), (facts.Thinking, facts.Text, facts.ContentPieces)));
    }

    [Theory]
    [InlineData("/v1/chat/completions", """{"id":"x","model":"a","choices":[{"index":0,"delta":{"content":" word"},"finish_reason":null}]}""")]
    [InlineData("/v1/chat/completions", """{"choices":[{"delta":{"reasoning":" word"}}]}""")]
    [InlineData("/v1/messages", """{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":" word"}}""")]
    [InlineData("/v1/messages", """{"delta":{"thinking":" \u0077ord"},"index":1}""")]
    [InlineData("/v1/responses", """{"type":"response.output_text.delta","item_id":"msg_1","output_index":1,"content_index":0,"delta":" word"}""")]
    public void Reading_a_token_allocates_nothing(string path, string json)
    {
        var token = Encoding.UTF8.GetBytes($"data: {json}\n\n");
        var reader = Reader(ApiEndpoint.FromPath(path));
        for (var warm = 0; warm < 20_000; warm++)
        {
            reader.Read(token, 1);
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var piece = 0; piece < 1_000; piece++)
        {
            reader.Read(token, 2);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static IResponseReader Reader(ApiEndpoint endpoint) =>
        WireProtocols.Of(endpoint).CreateResponseReader(endpoint, new ResponseHead(200, "text/event-stream", 0))!;
}
