using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>Streams that interleave several calls, blocks, items or choices: each chunk belongs to the one that its index or id names.</summary>
public sealed class InterleavedChunksTests
{
    private const string AandB = """[{"name":"a","arguments":{"x":1}},{"name":"b","arguments":{"y":2}}]""";

    public static TheoryData<string, string[]> ToolDeltas => new()
    {
        {
            "by index",
            [
                """{"index":0,"id":"A","function":{"name":"a","arguments":""}}""", """{"index":1,"id":"B","function":{"name":"b","arguments":""}}""",
                """{"index":0,"function":{"arguments":"{\"x\":"}}""", """{"index":1,"function":{"arguments":"{\"y\":"}}""",
                """{"index":0,"function":{"arguments":"1}"}}""", """{"index":1,"function":{"arguments":"2}"}}""",
            ]
        },
        {
            "by an index behind the arguments",
            [
                """{"function":{"arguments":"","name":"a"},"id":"A","index":0}""", """{"function":{"arguments":"{\"y\":","name":"b"},"id":"B","index":1}""",
                """{"function":{"arguments":"{\"x\":1}"},"index":0}""", """{"function":{"arguments":"2}"},"index":1}""",
            ]
        },
        {
            "by id without an index",
            [
                """{"id":"A","function":{"name":"a","arguments":""}}""", """{"id":"B","function":{"name":"b","arguments":"{\"y\":"}}""",
                """{"id":"A","function":{"arguments":"{\"x\":1}"}}""", """{"id":"B","function":{"arguments":"2}"}}""",
            ]
        },
        {
            "by id where every index is 0",
            [
                """{"index":0,"id":"A","function":{"name":"a","arguments":"{\"x\":1}"}}""",
                """{"index":0,"id":"B","function":{"name":"b","arguments":"{\"y\":2}"}}""",
            ]
        },
        {
            "the last one, where neither is there",
            [
                """{"function":{"name":"a","arguments":"{\"x\""}}""", """{"function":{"arguments":":1}"}}""",
                """{"function":{"name":"b","arguments":""}}""", """{"function":{"arguments":"{\"y\":2}"}}""",
            ]
        },
        {
            "with id and name in every piece",
            [
                """{"index":0,"id":"A","function":{"name":"a","arguments":"{\"x\""}}""",
                """{"index":1,"id":"B","function":{"name":"b","arguments":"{\"y\""}}""",
                """{"index":0,"id":"A","function":{"name":"a","arguments":":1}"}}""", """{"index":1,"id":"B","function":{"name":"b","arguments":":2}"}}""",
            ]
        },
        {
            "the name behind the id",
            [
                """{"index":0,"id":"A","type":"function"}""", """{"index":1,"id":"B","type":"function"}""",
                """{"index":1,"function":{"name":"b"}}""", """{"index":0,"function":{"name":"a"}}""",
                """{"index":1,"function":{"arguments":"{\"y\":2}"}}""", """{"index":0,"function":{"arguments":"{\"x\":1}"}}""",
            ]
        },
        {
            "the second one first",
            [
                """{"index":1,"id":"B","function":{"name":"b","arguments":"{\"y\""}}""",
                """{"index":0,"id":"A","function":{"name":"a","arguments":"{\"x\":1}"}}""",
                """{"index":1,"function":{"arguments":":2}"}}""",
            ]
        },
        {
            "both in one piece",
            ["""{"index":0,"id":"A","function":{"name":"a","arguments":"{\"x\":1}"}},{"index":1,"id":"B","function":{"name":"b","arguments":"{\"y\":2}"}}"""]
        },
    };

    [Theory]
    [MemberData(nameof(ToolDeltas))]
    public void A_fragment_of_arguments_is_appended_to_the_call_it_names(string how, string[] pieces)
    {
        var stream = string.Concat(pieces.Select(piece => $$$"""data: {"choices":[{"index":0,"delta":{"tool_calls":[{{{piece}}}]}}]}""" + "\n\n"));

        Assert.All(Facts.EveryWay(ApiEndpoint.OpenAiChat, stream), facts => Assert.Equal((how, AandB, 2), (how, facts.ToolCalls, facts.ToolCallCount)));
    }

    [Fact]
    public void Two_complete_calls_of_one_function_stay_two_even_with_the_same_index()
    {
        const string Stream = """
            data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"a","arguments":"{\"x\":1}"}}]}}]}

            data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"a","arguments":"{\"x\":2}"}}]}}]}


            """;

        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiChat, Stream),
            facts => Assert.Equal("""[{"name":"a","arguments":{"x":1}},{"name":"a","arguments":{"x":2}}]""", facts.ToolCalls));
    }

    [Theory]
    [InlineData("""{"index":0,"delta":{#}}""", """{"index":1,"delta":{#}}""")]
    [InlineData("""{"delta":{#},"index":0}""", """{"delta":{#},"index":1}""")]
    public void Choices_keep_their_texts_and_calls_apart(string first, string second)
    {
        string[] pieces =
        [
            first.Replace("#", "\"content\":\"Hel\",\"reasoning\":\"h\"", StringComparison.Ordinal),
            second.Replace("#", "\"content\":\"Wor\",\"reasoning\":\"w\"", StringComparison.Ordinal),
            first.Replace("#", "\"content\":\"lo\",\"reasoning\":\"m\"", StringComparison.Ordinal),
            second.Replace("#", "\"content\":\"ld\",\"reasoning\":\"o\"", StringComparison.Ordinal),
            first.Replace("#", """ "tool_calls":[{"index":0,"function":{"name":"a","arguments":"{\"x\":"}}]""", StringComparison.Ordinal),
            second.Replace("#", """ "tool_calls":[{"index":0,"function":{"name":"b","arguments":"{\"y\":"}}]""", StringComparison.Ordinal),
            first.Replace("#", """ "tool_calls":[{"index":0,"function":{"arguments":"1}"}}]""", StringComparison.Ordinal),
            second.Replace("#", """ "tool_calls":[{"index":0,"function":{"arguments":"2}"}}]""", StringComparison.Ordinal),
            """{"index":0,"delta":{},"finish_reason":"tool_calls"}""", """{"finish_reason":"length","index":1,"delta":{}}""",
        ];
        var apart = string.Concat(pieces.Select(piece => $$"""data: {"choices":[{{piece}}]}""" + "\n\n"));
        var together = string.Concat(pieces.Chunk(2).Select(two => $$"""data: {"choices":[{{two[1]}},{{two[0]}}]}""" + "\n\n"));

        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiChat, apart).Concat(Facts.EveryWay(ApiEndpoint.OpenAiChat, together)),
            facts => Assert.Equal(("Hello\nWorld", "hm\nwo", AandB, "tool_calls"), (facts.Text, facts.Thinking, facts.ToolCalls, facts.FinishReason)));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Content_blocks_keep_their_texts_and_arguments_apart(bool isIndexFirst)
    {
        var stream = Blocks(
            isIndexFirst,
            (0, """ "type":"content_block_start","content_block":{"type":"text","text":""}"""),
            (1, """ "type":"content_block_start","content_block":{"type":"tool_use","id":"A","name":"a","input":{}}"""),
            (2, """ "type":"content_block_start","content_block":{"input":{},"name":"b","id":"B","type":"tool_use"}"""),
            (3, """ "type":"content_block_start","content_block":{"type":"text","text":"and"}"""),
            (2, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"y\":"}"""),
            (0, """ "type":"content_block_delta","delta":{"type":"text_delta","text":"Hel"}"""),
            (1, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"x\":"}"""),
            (3, """ "type":"content_block_delta","delta":{"type":"text_delta","text":" more"}"""),
            (2, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"2}"}"""),
            (1, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"1}"}"""),
            (0, """ "type":"content_block_delta","delta":{"type":"text_delta","text":"lo "}"""));

        Assert.All(
            Facts.EveryWay(ApiEndpoint.AnthropicMessages, stream),
            facts => Assert.Equal(("Hello and more", AandB, 2), (facts.Text, facts.ToolCalls, facts.ToolCallCount)));
    }

    [Theory]
    [InlineData("server_tool_use", true)]
    [InlineData("server_tool_use", false)]
    [InlineData("mcp_tool_use", true)]
    [InlineData("mcp_tool_use", null)]
    public void The_arguments_of_a_server_side_tool_belong_to_no_tool_call_of_the_client(string type, bool? isIndexFirst)
    {
        (int, string)[] server =
        [
            (1, $$$""" "type":"content_block_start","content_block":{"type":"{{{type}}}","id":"s","name":"web_search","input":{}}"""),
            (1, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"query\":\"x\"}"}"""),
            (1, """ "type":"content_block_stop" """),
        ];
        (int, string)[] own =
        [
            (2, """ "type":"content_block_start","content_block":{"type":"tool_use","id":"t","name":"Read","input":{}}"""),
            (2, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"p\":\"a\"}"}"""),
            (2, """ "type":"content_block_stop" """),
        ];
        (int, string)[][] orders = isIndexFirst is null
            ? [[.. server, .. own], [.. own, .. server]]
            : [[.. server, .. own], [.. own, .. server], [.. server.Zip(own, (one, other) => new[] { one, other }).SelectMany(both => both)]];

        foreach (var order in orders)
        {
            Assert.All(
                Facts.EveryWay(ApiEndpoint.AnthropicMessages, Blocks(isIndexFirst, order)),
                facts => Assert.Equal(("""[{"name":"Read","arguments":{"p":"a"}}]""", 1), (facts.ToolCalls, facts.ToolCallCount)));
        }
    }

    [Theory]
    [InlineData("""{"p":"a"}""", """{"p":"a"}""")]
    [InlineData("""{ "p" : [ 1, "a \" b , \\" , null ] }""", """{"p":[1,"a \" b , \\",null]}""")]
    [InlineData("{ }", "{}")]
    public void A_tool_call_with_its_whole_input_in_the_block_start_counts_as_a_token(string input, string arguments)
    {
        var stream = Blocks(
            true,
            (0, $$""" "type":"content_block_start","content_block":{"type":"tool_use","id":"t","name":"Read","input":{{input}}}"""),
            (0, """ "type":"content_block_stop" """));

        Assert.All(
            Facts.EveryWay(ApiEndpoint.AnthropicMessages, stream),
            facts => Assert.Equal(($$"""[{"name":"Read","arguments":{{arguments}}}]""", 1), (facts.ToolCalls, facts.ContentPieces)));
    }

    [Fact]
    public void Deltas_replace_the_input_that_a_block_began_with()
    {
        var stream = Blocks(
            true,
            (0, """ "type":"content_block_start","content_block":{"type":"tool_use","id":"t","name":"Read","input":{}}"""),
            (0, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":""}"""),
            (0, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{}"}"""),
            (0, """ "type":"content_block_stop" """),
            (1, """ "type":"content_block_start","content_block":{"type":"tool_use","id":"u","name":"Write","input":{"p":"?"}}"""),
            (1, """ "type":"content_block_delta","delta":{"type":"input_json_delta","partial_json":"{\"p\":\"a\"}"}"""));

        Assert.All(
            Facts.EveryWay(ApiEndpoint.AnthropicMessages, stream),
            facts => Assert.Equal(("""[{"name":"Read","arguments":{}},{"name":"Write","arguments":{"p":"a"}}]""", 3), (facts.ToolCalls, facts.ContentPieces)));
    }

    [Fact]
    public void A_server_side_tool_and_its_result_in_an_unstreamed_message_are_no_tool_calls()
    {
        const string Message = """
            {"type":"message","content":[{"type":"text","text":"a"},{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}},
            {"type":"web_search_tool_result","tool_use_id":"s","content":[{"type":"web_search_result","title":"t","url":"u"}]},
            {"name":"Read","id":"t","input":{"p":"a"},"type":"tool_use"},{"type":"text","text":"b"}],"stop_reason":"tool_use"}
            """;

        var facts = Facts.Of(ApiEndpoint.AnthropicMessages, Message);

        Assert.Equal(("ab", """[{"name":"Read","arguments":{"p":"a"}}]"""), (facts.Text, facts.ToolCalls));
    }

    [Theory]
    [InlineData(""" "output_index":0,"item_id":"A",""", """ "output_index":1,"item_id":"B",""")]
    [InlineData(""" "item_id":"A",""", """ "item_id":"B",""")]
    [InlineData(""" "output_index":0,""", """ "output_index":1,""")]
    public void Output_items_keep_their_arguments_apart(string first, string second)
    {
        var isIndexed = first.Contains("output_index", StringComparison.Ordinal);
        var (index0, index1) = isIndexed ? (""" "output_index":0,""", """ "output_index":1,""") : ("", "");
        string[] begun =
        [
            $$$"""{"type":"response.output_item.added",{{{index0}}}"item":{"id":"A","type":"function_call","name":"a","arguments":""}}""",
            $$"""{"item":{"arguments":"","name":"b","type":"function_call","id":"B"},{{index1}}"type":"response.output_item.added"}""",
            """{"type":"response.output_item.added","output_index":7,"item":{"id":"M","type":"mcp_call","name":"m","arguments":"{}"}}""",
            $$"""{"type":"response.function_call_arguments.delta",{{second}}"delta":"{\"y\":"}""",
            $$"""{"delta":"{\"x\":",{{first}}"type":"response.function_call_arguments.delta"}""",
            """{"type":"response.mcp_call_arguments.delta","output_index":7,"item_id":"M","delta":"{}"}""",
            $$"""{"type":"response.function_call_arguments.delta",{{second}}"delta":"2}"}""",
            $$"""{"type":"response.function_call_arguments.delta",{{first}}"delta":"1}"}""",
        ];
        string[] ended =
        [
            $$$"""{"type":"response.output_item.done",{{{index0}}}"item":{"id":"A","type":"function_call","name":"a","arguments":"{\"x\":1}"}}""",
            $$"""{"type":"response.function_call_arguments.done",{{second}}"arguments":"{\"y\":2}"}""",
            $$$"""{"type":"response.output_item.done",{{{index1}}}"item":{"id":"B","type":"function_call","name":"b","arguments":"{\"y\":2}"}}""",
            """{"type":"response.output_item.done","output_index":7,"item":{"id":"M","type":"mcp_call","name":"m","arguments":"{}"}}""",
        ];

        // A stream that was cut before its items were done gives the same calls, and so does one without deltas.
        foreach (var (events, pieces) in new[] { (begun, 4), ([.. begun, .. ended], 4), (begun[..3].Concat(ended).ToArray(), 2), (ended, 2) })
        {
            var stream = string.Concat(events.Select(one => $"data: {one}\n\n"));
            Assert.All(
                Facts.EveryWay(ApiEndpoint.OpenAiResponses, stream),
                facts => Assert.Equal((AandB, 2, pieces), (facts.ToolCalls, facts.ToolCallCount, facts.ContentPieces)));
        }
    }

    [Fact]
    public void Output_items_keep_their_texts_apart()
    {
        string[] events =
        [
            """{"type":"response.output_text.delta","output_index":0,"item_id":"A","delta":"Hel"}""",
            """{"delta":"Wor","output_index":1,"type":"response.output_text.delta"}""",
            """{"type":"response.output_text.delta","output_index":0,"item_id":"A","delta":"lo "}""",
            """{"delta":"ld","output_index":1,"type":"response.output_text.delta"}""",
        ];

        Assert.All(
            Facts.EveryWay(ApiEndpoint.OpenAiResponses, string.Concat(events.Select(one => $"data: {one}\n\n"))),
            facts => Assert.Equal("Hello World", facts.Text));
    }

    [Fact]
    public void Native_tool_calls_are_complete_whatever_their_index()
    {
        const string Stream =
            """
            {"message":{"content":"","tool_calls":[{"id":"1","function":{"index":0,"name":"a","arguments":{"x":1}}}]},"done":false}
            {"message":{"content":"","tool_calls":[{"id":"2","function":{"index":0,"name":"b","arguments":{"y":2}}}]},"done":false}
            {"message":{"content":""},"done":true}

            """;

        Assert.All(Facts.EveryWay(ApiEndpoint.Chat, Stream), facts => Assert.Equal((AandB, 2), (facts.ToolCalls, facts.ToolCallCount)));
    }

    [Fact]
    public void An_endless_number_of_calls_and_parts_takes_bounded_memory()
    {
        const string Piece =
            """{"choices":[{"index":#,"delta":{"content":"# ","tool_calls":[{"index":#,"id":"#","function":{"name":"a","arguments":"{}"}}]}}]}""";
        var stream = string.Concat(Enumerable.Range(0, 20_000).Select(index => $"data: {Piece.Replace("#", $"{index}", StringComparison.Ordinal)}\n\n"));

        var facts = Facts.Of(ApiEndpoint.OpenAiChat, stream);

        Assert.Equal(20_000, facts.ToolCallCount);
        Assert.InRange(Encoding.UTF8.GetByteCount(facts.ToolCalls!), 1_000, 64 * 1024);
        Assert.InRange(Encoding.UTF8.GetByteCount(facts.Text!), 1_000, 65 * 1024);
    }

    private static string Blocks(bool? isIndexFirst, params (int Index, string Members)[] events) => string.Concat(events.Select(one => isIndexFirst switch
    {
        true => $$"""data: {"index":{{one.Index}},{{one.Members}}}""",
        false => $$"""data: { {{one.Members}},"index":{{one.Index}}}""",
        null => $$"""data: { {{one.Members}}}""",
    } + "\n\n"));
}
