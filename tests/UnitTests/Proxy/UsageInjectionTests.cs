using System.Text;
using OllamaProxy.Host.Proxy;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Proxy;

public sealed class UsageInjectionTests
{
    private const string Wish = ",\"stream_options\":{\"include_usage\":true}";

    [Theory]
    [InlineData("{\"model\":\"a\",\"stream\":true}", "{\"model\":\"a\",\"stream\":true" + Wish + "}")]
    [InlineData("{\"STREAM\":true,\"messages\":[{\"content\":\"}\"}] } trailing", "{\"STREAM\":true,\"messages\":[{\"content\":\"}\"}] " + Wish + "} trailing")]
    [InlineData("{\"stream\":true,\"stream_options\":{\"include_usage\":false}}", "{\"stream\":true,\"stream_options\":{\"include_usage\":false}" + Wish + "}")]
    [InlineData("{\"stream\":true,\"stream_options\":null}", "{\"stream\":true,\"stream_options\":null" + Wish + "}")]
    public void A_stream_that_does_not_ask_for_counts_is_made_to(string body, string rewritten)
    {
        Assert.Equal(rewritten, Encoding.UTF8.GetString(UsageRequest.Rewrite(Encoding.UTF8.GetBytes(body))!));
    }

    [Theory]
    [InlineData("{\"model\":\"a\"}")]
    [InlineData("{\"stream\":false}")]
    [InlineData("{\"stream\":true,\"stream\":false}")]
    [InlineData("{\"stream\":\"true\"}")]
    [InlineData("{\"stream\":true,\"stream_options\":{\"x\":[1],\"include_usage\":true}}")]
    [InlineData("{\"stream\":true")]
    [InlineData("[{\"stream\":true}]")]
    [InlineData("no json")]
    [InlineData("")]
    public void What_asks_already_or_is_no_stream_stays_as_it_is(string body)
    {
        Assert.Null(UsageRequest.Rewrite(Encoding.UTF8.GetBytes(body)));
    }

    [Theory]
    [InlineData("40-v1-chat-stream", "41-v1-chat-stream-usage")]
    [InlineData("45-v1-completions-stream", "45b-v1-completions-stream-usage")]
    public void A_stream_with_counts_becomes_the_one_without_them(string without, string with)
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
    [InlineData("data: {\"choices\":[],\"prompt_filter_results\":[]}\n\n")]
    [InlineData("data: {broken\n\n")]
    [InlineData(": comment\n\n")]
    [InlineData("event: x\ndata: {\"choices\":[],\"usage\":{}}\n\n")]
    [InlineData("data: [DONE]\n\n")]
    [InlineData("data: {\"half\":")]
    public void Everything_else_passes_as_it_came(string stream)
    {
        Assert.Equal(stream, Encoding.UTF8.GetString(Filter([Encoding.UTF8.GetBytes(stream)])));
    }

    [Theory]
    [InlineData("data: {\"usage\":null,\"choices\":[{}]}\n\n", "data: {\"choices\":[{}]}\n\n")]
    [InlineData("data: {\"choices\":[{}],\"usage\":null,\"a\":1}\n\n", "data: {\"choices\":[{}],\"a\":1}\n\n")]
    [InlineData("data: {\"choices\":[{\"a\":[]},{}],\"usage\":{\"a\":{}}}\r\n\r\n", "data: {\"choices\":[{\"a\":[]},{}]}\r\n\r\n")]
    public void A_usage_beside_choices_goes_alone(string stream, string filtered)
    {
        Assert.Equal(filtered, Encoding.UTF8.GetString(Filter([Encoding.UTF8.GetBytes(stream)])));
    }

    [Fact]
    public void An_endless_event_is_passed_on_and_not_held()
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

    /// <summary>Without what differs between any two answers.</summary>
    private static string Anonymous(byte[] body) =>
        System.Text.RegularExpressions.Regex.Replace(Encoding.UTF8.GetString(body), "\"(id\":\"(chat)?cmpl-|created\":)[0-9]+", "\"$1N");
}
