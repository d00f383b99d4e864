using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

/// <summary>Bodies that no regular client sends: the readers use bounded memory, never throw, and report the facts they can read.</summary>
public sealed class HostileBodyTests
{
    [Fact]
    public void Keys_match_in_any_case_and_the_last_duplicate_wins()
    {
        var facts = Request(ApiEndpoint.Generate, """{"MODEL":"a","Prompt":"first","prompt":"second","model":"b"}""");

        Assert.Equal(("b", "second"), (facts.Model, facts.Prompt));
    }

    [Fact]
    public void Bytes_after_the_first_value_are_ignored()
    {
        var facts = Request(ApiEndpoint.Generate, """{"model":"a"} garbage {"model":"b"}""");

        Assert.Equal("a", facts.Model);
        Assert.False(facts.Malformed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{\"model\":")]
    [InlineData("{\"model\":\"a\"")]
    [InlineData("not json")]
    [InlineData("{model:\"a\"}")]
    [InlineData("{\"model\":NaN}")]
    [InlineData("{\"model\" \"a\"}")]
    [InlineData("{\"prompt\":\"\\x\"}")]
    [InlineData("{\"prompt\":\"\\u12g4\"}")]
    [InlineData("\u001f\u008b")]
    public void A_body_that_is_not_json_is_malformed_and_does_not_throw(string body)
    {
        Assert.True(Request(ApiEndpoint.Generate, body).Malformed);
    }

    [Fact]
    public void Values_of_an_unexpected_type_are_unknown()
    {
        var facts = Request(ApiEndpoint.Chat, """{"model":42,"messages":"none","stream":"yes","options":[1],"tools":{},"keep_alive":{"a":1}}""");

        Assert.Equal(new RequestFacts(), facts);
    }

    [Fact]
    public void The_last_message_is_the_prompt_and_the_first_system_message_the_system_text()
    {
        var facts = Request(
            ApiEndpoint.Chat,
            """{"messages":[{"content":"be brief","role":"system"},{"role":"user","content":"one","images":["QUJD","QUJD"]},"""
            + """{"role":"system","content":"no"},{"role":"user","content":"two"}],"model":"a"}""");

        Assert.Equal(("two", "be brief", 4, 2), (facts.Prompt, facts.System, facts.MessageCount, facts.ImageCount));
        Assert.Equal("be briefonenotwo".Length, facts.TextLength);
    }

    [Theory]
    [InlineData("\\uD83D\\uDE00", "😀")]
    [InlineData("\\uD83D", "\uFFFD")]
    [InlineData("\\uDE00x", "\uFFFDx")]
    [InlineData("\\uD83D\\n", "\uFFFD\n")]
    [InlineData("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t")]
    [InlineData("caf\\u00e9 日本", "café 日本")]
    public void Escapes_are_decoded_as_Go_decodes_them(string json, string text)
    {
        var body = Encoding.UTF8.GetBytes($$"""{"prompt":"{{json}}"}""");

        Assert.Equal(text, Request(ApiEndpoint.Generate, [body]).Prompt);
        Assert.Equal(text, Request(ApiEndpoint.Generate, body.Select(value => new[] { value })).Prompt);
    }

    [Fact]
    public void Bytes_that_are_invalid_utf8_become_replacement_characters()
    {
        byte[] body = [.. "{\"prompt\":\"a"u8, 0xFF, 0xC3, .. "b\"}"u8];

        Assert.Equal("a\uFFFD\uFFFDb", Request(ApiEndpoint.Generate, [body]).Prompt);
    }

    [Fact]
    public void A_hundred_thousand_levels_of_nesting_are_read()
    {
        var deep = "{\"context\":" + new string('[', 100_000) + new string(']', 100_000) + ",\"model\":\"a\"}";
        var named = string.Concat(Enumerable.Repeat("{\"message\":", 100_000)) + "1" + new string('}', 100_000);

        Assert.Equal("a", Request(ApiEndpoint.Generate, deep).Model);
        Assert.Null(Response(named).Text);
    }

    [Fact]
    public void A_text_without_end_is_counted_but_not_kept()
    {
        var text = Encoding.UTF8.GetBytes(new string('é', 100_000));

        var facts = Request(ApiEndpoint.Generate, [[.. "{\"prompt\":\""u8], .. Enumerable.Repeat(text, 50), [.. "\"}"u8]]);

        Assert.Equal(50L * text.Length, facts.TextLength);
        Assert.Equal(JsonFieldScanner.MaxText / 2, facts.Prompt!.Length);
        Assert.DoesNotContain('\uFFFD', facts.Prompt);
    }

    [Theory]
    [InlineData("é")]
    [InlineData("天")]
    [InlineData("🦙")]
    [InlineData("👩‍👩‍👧‍👦")]
    public void Every_reader_cuts_a_text_over_the_limit_between_characters(string character)
    {
        for (var shift = 0; shift < 4; shift++)
        {
            var text = new string('a', shift) + string.Concat(Enumerable.Repeat(character, 40_000));
            var content = JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping);
            var escaped = JsonEncodedText.Encode(text);
            var chat = Request(ApiEndpoint.Chat, $$"""{"messages":[{"role":"system","content":"{{content}}"},{"role":"user","content":"{{content}}"}]}""");
            var some = string.Concat(Enumerable.Repeat(character, 1_000));
            var pieces = Enumerable.Range(0, 40).Select(_ => $$"""{"response":"{{some}}","thinking":"{{escaped}}","done":false}""" + "\n");

            AssertCut(text, Request(ApiEndpoint.Generate, $$"""{"prompt":"{{content}}"}""").Prompt);
            AssertCut(text, Request(ApiEndpoint.Generate, $$"""{"prompt":"{{escaped}}"}""").Prompt);
            AssertCut(text, chat.Prompt);
            AssertCut(text, chat.System);
            AssertCut(text, Response($$"""{"response":"{{content}}","done":true}""").Text);
            AssertCut(text, Response($$"""{"response":"{{escaped}}","done":true}""").Text);
            AssertCut(text[shift..], Response(string.Concat(pieces)).Text);
            AssertCut(text, Response(string.Concat(pieces)).Thinking);
        }

        void AssertCut(string text, string? kept)
        {
            Assert.StartsWith(kept!, text, StringComparison.Ordinal);
            Assert.EndsWith(character, kept, StringComparison.Ordinal);
            Assert.InRange(Encoding.UTF8.GetByteCount(kept!), JsonFieldScanner.MaxText - 100, JsonFieldScanner.MaxText);
        }
    }

    [Fact]
    public void Images_of_many_megabytes_are_not_buffered()
    {
        var image = Encoding.ASCII.GetBytes(new string('A', 1024 * 1024));
        byte[][] body = [[.. "{\"model\":\"a\",\"images\":[\""u8], .. Enumerable.Repeat(image, 10), [.. "\"],\"prompt\":\"what?\"}"u8]];
        Request(ApiEndpoint.Generate, body);

        var before = GC.GetAllocatedBytesForCurrentThread();
        var facts = Request(ApiEndpoint.Generate, body);
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal((1, "what?"), (facts.ImageCount, facts.Prompt));
        Assert.InRange(allocated, 0, 8 * 1024);
    }

    [Fact]
    public void A_malformed_line_in_a_stream_costs_only_that_line()
    {
        var facts =
            Response("{\"response\":\"a\",\"done\":false}\n<html>oh no</html>\n"
                + "{\"response\":\"b\",\"done\":false}\n{\"response\":\"\",\"done\":true,\"eval_count\":2}\n");

        Assert.Equal(("ab", true, 2), (facts.Text, facts.Terminated, facts.Usage.CompletionTokens));
    }

    [Fact]
    public void A_cut_stream_has_estimated_tokens_and_no_prompt_count()
    {
        var facts = Response("{\"response\":\"a\",\"done\":false}\n{\"response\":\"b\",\"done\":false}\n{\"resp");

        Assert.Equal((2, true, (int?)null, false), (facts.Usage.CompletionTokens, facts.Usage.Estimated, facts.Usage.PromptTokens, facts.Terminated));
    }

    [Fact]
    public void Random_bytes_and_damaged_bodies_never_fail()
    {
        var random = new Random(42);
        var good =
            Encoding.UTF8.GetBytes("""{"model":"a","message":{"role":"assistant","content":"x \u00e9","tool_calls":["""
                + """{"function":{"name":"f","arguments":{"a":[1,"]"]}}}]},"done":true,"eval_count":3}""");
        for (var round = 0; round < 20_000; round++)
        {
            var body = good.ToArray();
            for (var damage = random.Next(1, 6); damage > 0; damage--)
            {
                body[random.Next(body.Length)] = (byte)random.Next(256);
            }

            var cut = random.Next(body.Length);
            Request(ApiEndpoint.Chat, [body[..cut], body[cut..]]);
            Response([body[..cut], body[cut..]]);
        }
    }

    private static RequestFacts Request(ApiEndpoint endpoint, string body) => Request(endpoint, [Encoding.UTF8.GetBytes(body)]);

    private static RequestFacts Request(ApiEndpoint endpoint, IEnumerable<byte[]> pieces)
    {
        var reader = WireProtocols.Of(endpoint).CreateRequestReader(endpoint, contentType: null)!;
        foreach (var piece in pieces)
        {
            reader.Read(piece);
        }

        return reader.Complete();
    }

    private static ResponseFacts Response(string body) => Response([Encoding.UTF8.GetBytes(body)]);

    private static ResponseFacts Response(IEnumerable<byte[]> pieces)
    {
        var reader = WireProtocols.Of(ApiEndpoint.Generate).CreateResponseReader(ApiEndpoint.Generate, new ResponseHead(200, "application/x-ndjson", 0))!;
        foreach (var piece in pieces)
        {
            reader.Read(piece, timestamp: 0);
        }

        return reader.Complete(TimeProvider.System, ended: true);
    }
}
