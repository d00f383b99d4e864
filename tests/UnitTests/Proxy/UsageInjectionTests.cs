using System.Text;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Usage;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class UsageInjectionTests
{
    [Theory]
    [InlineData("""{"model":"a","stream":true}""", """{"model":"a","stream":true,"stream_options":{"include_usage":true}}""")]
    [InlineData(
        """{"STREAM":true,"messages":[{"content":"}"}] } trailing""",
        """{"STREAM":true,"messages":[{"content":"}"}],"stream_options":{"include_usage":true} } trailing""")]
    [InlineData("""{ "stream" : true }{"stream":false}""", """{ "stream" : true,"stream_options":{"include_usage":true} }{"stream":false}""")]
    [InlineData("""{"stream":true,"stream":null}""", """{"stream":true,"stream":null,"stream_options":{"include_usage":true}}""")]
    [InlineData("""{"stream":true,"stream_options":{"include_usage":false}}""", """{"stream":true,"stream_options":{"include_usage":true}}""")]
    [InlineData(
        """{"Stream_Options" : { "x":1, "Include_Usage" : null } , "stream":true}""",
        """{"Stream_Options" : { "x":1, "Include_Usage" : true } , "stream":true}""")]
    [InlineData("""{"stream_options": null ,"stream":true}""", """{"stream_options": {"include_usage":true} ,"stream":true}""")]
    [InlineData("""{"stream_options":{ },"stream":true}""", """{"stream_options":{"include_usage":true },"stream":true}""")]
    [InlineData(
        """{"stream_options":{"include_obfuscation":{"include_usage":true}},"stream":true}""",
        """{"stream_options":{"include_usage":true,"include_obfuscation":{"include_usage":true}},"stream":true}""")]
    [InlineData("""{"stream_options":{"include_usage":true},"stream":true,"stream_options":{"include_usage":false}}""",
        """{"stream_options":{"include_usage":true},"stream":true,"stream_options":{"include_usage":true}}""")]
    [InlineData(
        """{"stream_options":{"include_usage":true},"stream_options":null,"stream":true}""",
        """{"stream_options":{"include_usage":true},"stream_options":{"include_usage":true},"stream":true}""")]
    [InlineData(
        """{"metadata":{"stream_options":{"include_usage":true}},"stream":true}""",
        """{"metadata":{"stream_options":{"include_usage":true}},"stream":true,"stream_options":{"include_usage":true}}""")]
    [InlineData("{\r\n\t\"stream\":\ttrue\r\n}\r\n", "{\r\n\t\"stream\":\ttrue,\"stream_options\":{\"include_usage\":true}\r\n}\r\n")]
    public void A_request_for_a_stream_without_usage_gets_include_usage(string body, string rewritten)
    {
        Assert.Equal(rewritten, Encoding.UTF8.GetString(UsageRequest.Rewrite(Encoding.UTF8.GetBytes(body))!));
    }

    [Theory]
    [InlineData("{\"model\":\"a\"}")]
    [InlineData("{\"stream\":false}")]
    [InlineData("{\"stream\":true,\"stream\":false}")]
    [InlineData("{\"stream\":\"true\"}")]
    [InlineData("{\"stream\":true,\"stream_options\":{\"x\":[1],\"include_usage\":true}}")]
    [InlineData("{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"stream_options\":{}}")]
    [InlineData("{\"stream\":true,\"stream_options\":\"usage\"}")]
    [InlineData("{\"stream\":true,\"stream_options\":[]}")]
    [InlineData("{\"stream\":true,\"stream_options\":{\"include_usage\":1}}")]
    [InlineData("\uFEFF{\"stream\":true}")]
    [InlineData("{\"stream\":true,}")]
    [InlineData("{\"stream\":true")]
    [InlineData("[{\"stream\":true}]")]
    [InlineData("no json")]
    [InlineData("")]
    public void A_request_that_asks_for_usage_or_does_not_stream_is_unchanged(string body)
    {
        Assert.Null(UsageRequest.Rewrite(Encoding.UTF8.GetBytes(body)));
    }

    [Theory]
    [InlineData("40-v1-chat-stream", "41-v1-chat-stream-usage")]
    [InlineData("45-v1-completions-stream", "45b-v1-completions-stream-usage")]
    public void A_stream_with_usage_becomes_the_stream_without_it(string without, string with)
    {
        var expected = Anonymous(Transcript.Load(without).Response.Body);
        var body = Transcript.Load(with).Response.Body;

        Assert.Equal(expected, Anonymous(Filter([body])));
        Assert.Equal(expected, Anonymous(Filter(body.Select(value => new[] { value }))));
        for (var cut = 0; cut < body.Length; cut += 7)
        {
            Assert.Equal(expected, Anonymous(Filter([body[..cut], body[cut..]])));
        }
    }

    [Theory]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\"usage\"}}],\"x\":{\"usage\":{\"prompt_tokens\":1}}}\n\n")]
    [InlineData("data: {\"choices\":[{\"delta\":{\"content\":\",\\\"usage\\\":{}\"},\"usage\":null}]}\n\n")]
    [InlineData("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n")]
    [InlineData("data: {\"usage\":1,broken\n\n")]
    [InlineData("data: [{\"usage\":{}}]\n\n")]
    [InlineData("datax: {\"choices\":[],\"usage\":{}}\n\n")]
    [InlineData(": usage\n\n")]
    [InlineData("data: [DONE]\n\n")]
    [InlineData("\n\n\n")]
    [InlineData("\uFEFF")]
    [InlineData("data: [DONE]\n\n\uFEFFdata: {\"choices\":[],\"usage\":{}}\n\n")]
    [InlineData("data: {\"half\":")]
    public void Every_other_body_passes_unchanged(string stream)
    {
        Assert.All(EveryWay(stream), passed => Assert.Equal(stream, passed));
    }

    [Theory]
    [InlineData("""{"usage":null,"choices":[{}]}""", """{"choices":[{}]}""")]
    [InlineData("""{"choices":[{}],"usage":null,"a":1}""", """{"choices":[{}],"a":1}""")]
    [InlineData("""{"choices":[{"a":[]},{}],"usage":{"a":{}}}""", """{"choices":[{"a":[]},{}]}""")]
    [InlineData(
        """{"id": "x", "choices": [{"delta": {"content": "a"}}], "usage": {"prompt_tokens": 5}}""",
        """{"id": "x", "choices": [{"delta": {"content": "a"}}]}""")]
    [InlineData("""{ "usage" : null , "choices" : [ {} ] }""", """{ "choices" : [ {} ] }""")]
    [InlineData("""{ "id" : 1 , "usage" : {"a":"}"} , "choices" : [ {} ] }""", """{ "id" : 1 , "choices" : [ {} ] }""")]
    [InlineData("""{"choices":[{}] , "usage":"a,b" }""", """{"choices":[{}] }""")]
    [InlineData("""{"usage":1,"usage":{},"choices":[{}],"usage":[1,2],"usage":null,"a":"usage","usage":true}""", """{"choices":[{}],"a":"usage"}""")]
    [InlineData("""{"choices":[],"usage":null,"prompt_filter_results":[]}""", """{"choices":[],"prompt_filter_results":[]}""")]
    [InlineData("""{"choices":[],"usage":{"a":1},"error":{"message":"boom"}}""", """{"choices":[],"error":{"message":"boom"}}""")]
    [InlineData("""{"object":"x","usage":{"a":1}}""", """{"object":"x"}""")]
    [InlineData("""{"choices":[{}],"usage":{"a":"\u007d\"},"}} trailing""", """{"choices":[{}]} trailing""")]
    [InlineData("""{"choices":[{}],"\u0075sage":{"a":1}}""", """{"choices":[{}]}""")]
    [InlineData("""{"us\u0061ge":null,"choices":[{}]}""", """{"choices":[{}]}""")]
    [InlineData("""{"choices":[{}],"usag\u0065":{"a":1},"\u0075\u0073\u0061\u0067\u0065":2}""", """{"choices":[{}]}""")]
    public void The_usage_of_an_event_is_removed_and_its_other_bytes_are_unchanged(string json, string filtered)
    {
        foreach (var end in (string[])["\n", "\r\n", "\r"])
        {
            var after = $"data: [DONE]{end}{end}";
            Assert.All(EveryWay($"data: {json}{end}{end}{after}"), passed => Assert.Equal($"data: {filtered}{end}{end}{after}", passed));
            var rest = $"{end}: usage{end}{end}{after}";
            Assert.All(EveryWay($"id: 1{end}data:{json}{rest}"), passed => Assert.Equal($"id: 1{end}data:{filtered}{rest}", passed));
        }
    }

    [Theory]
    [InlineData("data: {\"choices\":[],\"usage\":{}}\n\n", "")]
    [InlineData("data: {\"id\":1, \"usage\" : {\"a\":1} , \"choices\" : [ ] }\r\n\r\n", "")]
    [InlineData("data: {\"choices\":null,\"usage\":{\"a\":1},\"error\":null}\n\n", "")]
    [InlineData("data: {\"usage\":{\"a\":1}}\n\n", "")]
    [InlineData("data: {\"choices\":[],\"\\u0075sage\":{}}\n\n", "")]
    [InlineData("data: {\"\\u0063hoices\":[],\"usage\":{}}\n\n", "")]
    [InlineData("\uFEFFdata: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n", "\uFEFFdata: [DONE]\n\n")]
    [InlineData("\uFEFFdata: {\"choices\":[{}],\"usage\":null}\r\n\r\n", "\uFEFFdata: {\"choices\":[{}]}\r\n\r\n")]
    [InlineData("\uFEFF\n\ndata: {\"choices\":[],\"usage\":{}}\n\n", "\uFEFF\n\n")]
    [InlineData("event: x\ndata: {\"choices\":[],\"usage\":{}}\n\n", "event: x\n\n")]
    [InlineData("data: {\"choices\":[],\ndata: \"usage\":\ndata: {}}\nid: 7\n\n", "id: 7\n\n")]
    [InlineData("data: {\"choices\":\ndata: [{}],\ndata: \"usage\":null}\n\n", "data: {\"choices\":\ndata: [{}]}\n\n")]
    [InlineData(
        "data: {\"choices\":[],\"usage\":{}}\n\ndata: {\"choices\":[{}]}\n\ndata: {\"choices\":[],\"usage\":{}}\n\ndata: [DONE]\n\n",
        "data: {\"choices\":[{}]}\n\ndata: [DONE]\n\n")]
    [InlineData("data: {\"choices\":[{}]}\n\ndata: {\"choices\":[],\"usage\":{}}", "data: {\"choices\":[{}]}\n\n")]
    [InlineData("data: {\"choices\":[{}]}\n\ndata: {\"choices\":[],\"usage\":{}}\n", "data: {\"choices\":[{}]}\n\n")]
    [InlineData("data: {\"choices\":[],\"usage\":{", "data: {\"choices\":[],\"usage\":{")]
    public void An_event_with_only_the_usage_is_removed(string stream, string filtered)
    {
        Assert.All(EveryWay(stream), passed => Assert.Equal(filtered, passed));
    }

    [Fact]
    public void An_endless_event_is_forwarded_and_not_buffered()
    {
        var filter = new UsageFilter();
        var piece = new byte[100_000];
        Array.Fill(piece, (byte)'x');
        var (passed, held) = (0, 0);
        for (var round = 0; round < 100; round++)
        {
            filter.Read(piece);
            passed += filter.Passed.Length;
            filter.Sent();
            held = Math.Max(held, ((round + 1) * piece.Length) - passed);
        }

        filter.Finish();
        Assert.Equal(100 * piece.Length, passed + filter.Passed.Length);
        Assert.InRange(held, 0, 2 * 1024 * 1024);
    }

    private static byte[] Filter(IEnumerable<byte[]> pieces)
    {
        var filter = new UsageFilter();
        foreach (var piece in pieces)
        {
            filter.Read(piece);
        }

        filter.Finish();
        return filter.Passed.ToArray();
    }

    /// <summary>Filters the stream whole, byte by byte, and cut in two at every byte.</summary>
    private static IEnumerable<string> EveryWay(string stream)
    {
        var body = Encoding.UTF8.GetBytes(stream);
        yield return Encoding.UTF8.GetString(Filter([body]));
        yield return Encoding.UTF8.GetString(Filter(body.Select(value => new[] { value })));
        for (var cut = 0; cut < body.Length; cut++)
        {
            yield return Encoding.UTF8.GetString(Filter([body[..cut], body[cut..]]));
        }
    }

    /// <summary>Removes the values that differ between any two responses.</summary>
    private static string Anonymous(byte[] body) =>
        System.Text.RegularExpressions.Regex.Replace(Encoding.UTF8.GetString(body), "\"(id\":\"(chat)?cmpl-|created\":)[0-9]+", "\"$1N");
}
