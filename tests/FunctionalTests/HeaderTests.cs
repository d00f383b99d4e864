using System.Globalization;
using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Heads pass unchanged in both directions, even where an HTTP library would normalize them.</summary>
public sealed class HeaderTests
{
    private static readonly RawUpstream.Answer s_fine =
        RawUpstream.Replay([(TimeSpan.Zero, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray())], close: false);

    [Fact]
    public async Task Request_headers_are_neither_added_nor_removed()
    {
        const string Sent =
            "GET /api/tags HTTP/1.1\r\nHost: localhost:1234\r\nUser-Agent: me (x; y)\r\nAccept: a/b\r\nX-Empty:\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-List: a, b\r\n"
                            + "X-Name: J\u00fcrgen\r\nCookie: a=1; b=2\r\nAuthorization: Bearer x\r\nTE: trailers\r\nUpgrade: h2c\r\n"
                            + "Connection: Upgrade\r\nForwarded: for=1.2.3.4\r\nVia: 1.1 x\r\nDate: yesterday\r\n\r\n";

        var received = await ReceivedAsync(Sent);

        Assert.Equal(Lines(Sent), Lines(received));
    }

    [Theory]
    [InlineData("GET", "")]
    [InlineData("HEAD", "")]
    [InlineData("DELETE", "")]
    [InlineData("OPTIONS", "")]
    [InlineData("POST", "")]
    [InlineData("PUT", "")]
    [InlineData("BREW", "")]
    [InlineData("GET", "Content-Type: application/json\r\n")]
    [InlineData("POST", "Content-Type: application/json\r\n")]
    [InlineData("POST", "Content-Length: 0\r\n")]
    [InlineData("DELETE", "Content-Type: application/json\r\nContent-Encoding: x\r\nExpires: never\r\n")]
    public async Task A_request_without_a_body_gains_no_content_length(string method, string lines)
    {
        var sent = $"{method} /api/tags HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n";

        var received = await ReceivedAsync(sent, method == "HEAD");

        Assert.Equal(Lines(sent), Lines(received));
    }

    [Fact]
    public async Task A_head_of_many_kilobytes_passes()
    {
        var lines = string.Concat(Enumerable.Range(0, 500).Select(number => $"X-Header-{number}: {new string('v', 100)}\r\n"));
        var sent = $"GET /{new string('p', 10_000)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{lines}\r\n";

        var received = await ReceivedAsync(sent);

        Assert.Equal(Lines(sent), Lines(received));
    }

    [Theory]
    [InlineData("x", 1_999, "200")]
    [InlineData("x", 2_000, "431")]
    [InlineData("Cookie", 50_000, "431")]
    [InlineData("x-{0}", 2_000, "431")]
    public async Task A_head_has_at_most_2000_header_lines(string name, int count, string status)
    {
        await using var upstream = new RawUpstream(
            RawUpstream.Replay([(TimeSpan.Zero, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray())], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);
        var lines = string.Concat(Enumerable.Range(0, count).Select(number => string.Format(CultureInfo.InvariantCulture, name, number) + ":1\r\n"));

        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes($"GET / HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n"), isHead: false);

        Assert.Equal(status, Encoding.ASCII.GetString(answer.Bytes)[9..12]);
    }

    [Theory]
    [InlineData("/api/%2e%2e/x%2Fy//q?%20+")]
    [InlineData("/a/../b/./c")]
    [InlineData("//double")]
    [InlineData("/api/show?name=a%00b&c=%zz")]
    [InlineData("/api/blobs/sha256:abc;x=1")]
    [InlineData("/?")]
    [InlineData("/a?b?c#d")]
    [InlineData("/{}|\\^`\"<>")]
    public async Task A_target_passes_unchanged(string target)
    {
        var sent = $"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n";

        var received = await ReceivedAsync(sent);

        Assert.Equal(Lines(sent), Lines(received));
    }

    [Theory]
    [InlineData("post")]
    [InlineData("PoSt")]
    [InlineData("get")]
    [InlineData("delete")]
    [InlineData("head")]
    [InlineData("options")]
    [InlineData("Brew")]
    public async Task A_method_passes_unchanged(string method)
    {
        foreach (var rest in (string[])["\r\n", "Content-Length: 2\r\n\r\n{}", "X: 1\r\nX: 2:3\r\n\r\n"])
        {
            var sent = $"{method} /api/chat?at=1:2 HTTP/1.1\r\nHost: localhost\r\n{rest}";

            var received = await ReceivedAsync(sent);

            Assert.Equal(Lines(sent), Lines(received));
            Assert.EndsWith(rest[(rest.IndexOf("\r\n\r\n", StringComparison.Ordinal) is >= 0 and var end ? end : 0)..], received, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_response_to_a_method_that_only_resembles_HEAD_keeps_its_body()
    {
        const string Answer = "HTTP/1.1 405 Method Not Allowed\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n";
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Answer))], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var request = "head /api/tags HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray();
        var answer = await RawHttp.SendAsync(proxy.Port, request, isHead: false);

        Assert.EndsWith("\r\n\r\n2\r\nno\r\n0\r\n\r\n", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://host?x=/api/delete", "/?x=/api/delete")]
    [InlineData("http://host/api/tags?x=1", "/api/tags?x=1")]
    public async Task An_absolute_target_arrives_as_its_path_and_query(string target, string expected)
    {
        var received = await ReceivedAsync($"GET {target} HTTP/1.1\r\nHost: host\r\n\r\n");

        Assert.StartsWith($"GET {expected} HTTP/1.1\r\n", received, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_response_head_passes_unchanged()
    {
        const string Head =
            "HTTP/1.1 299 Odd Reason\r\nServer: mine\r\nX-Empty: \r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Twice: 1\r\nX-Twice: 2\r\nX-Name: J\u00fcrgen\r\n"
                            + "Content-Type: text/odd\r\nContent-Language: x\r\nContent-Encoding: y\r\nDate: today\r\nVary: Origin\r\n"
                            + "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: x\r\nContent-Length: 2\r\n\r\n";
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.Latin1.GetBytes(Head + "ok"))], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), isHead: false);

        Assert.Equal(Lines(Head), Lines(Encoding.Latin1.GetString(answer.Bytes)));
        Assert.EndsWith("\r\n\r\nok", Encoding.Latin1.GetString(answer.Bytes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: -0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +2\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2, 2\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2 2\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x2\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2.0\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length:\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \u00b2\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 00000000000000000002\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 000000000000000000000000000000000000002\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999999\r\n\r\n{}")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nX-Content-Length: 9\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\nx-content-length: 9\r\n\r\n0\r\n\r\n")]
    [InlineData("POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("POST /api/chat HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")]
    [InlineData("GET / HTTP/1.1\r\nHost: localhost\r\nX: a\rb\r\n\r\n")]
    public async Task An_ambiguous_request_is_not_forwarded(string request)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.Latin1.GetBytes(request), isHead: false);

        Assert.StartsWith("HTTP/1.1 400 ", Encoding.Latin1.GetString(answer.Bytes), StringComparison.Ordinal);
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData("Transfer-Encoding: identity\r\nTransfer-Encoding: chunked")]
    [InlineData("Transfer-Encoding: identity, chunked")]
    [InlineData("Transfer-Encoding: gzip, chunked")]
    [InlineData("Transfer-Encoding: chunked, chunked")]
    [InlineData("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked")]
    public async Task An_unknown_transfer_coding_gets_ollamas_status_and_is_not_forwarded(string lines)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var request = Encoding.ASCII.GetBytes($"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n\r\n0\r\n\r\n");
        var answer = await RawHttp.SendAsync(proxy.Port, request, isHead: false);

        Assert.StartsWith("HTTP/1.1 501 ", Encoding.Latin1.GetString(answer.Bytes), StringComparison.Ordinal);
        Assert.Equal(RawEnd.Closed, answer.End);
        Assert.Empty(upstream.Requests);
    }

    private static async Task<string> ReceivedAsync(string request, bool isHead = false)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.Latin1.GetBytes(request), isHead);

        Assert.StartsWith("HTTP/1.1 200 OK", Encoding.Latin1.GetString(answer.Bytes), StringComparison.Ordinal);
        return Encoding.Latin1.GetString(Assert.Single(upstream.Requests));
    }

    /// <summary>Compares the start line, and the header lines in any order; spaces around a value do not count.</summary>
    private static string Lines(string head)
    {
        var lines = head[..head.IndexOf("\r\n\r\n", StringComparison.Ordinal)].Split("\r\n");
        return string.Join(Environment.NewLine, [lines[0], .. lines[1..].Select(line => line.TrimEnd().ToUpperInvariant()).Order(StringComparer.Ordinal)]);
    }
}
