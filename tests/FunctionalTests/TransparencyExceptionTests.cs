using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// The requests whose response is not byte for byte Ollama's own: the exceptions in docs/transparency.md. The parts that a client acts on, status and end of
/// the connection, are still the same.
/// </summary>
public sealed class TransparencyExceptionTests
{
    private static readonly RawUpstream.Answer s_fine = RawUpstream.Replay([(TimeSpan.Zero, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"u8.ToArray())],
        close: false);

    /// <summary>The recording, and the body that the proxy sends.</summary>
    public static TheoryData<string, string> Refused => new()
    {
        { "76-no-host", "" },
        { "76e-garbage", "" },
        { "76h-connect", "404 page not found\n" },
        { "76l-two-cl", "" },
    };

    [Theory]
    [MemberData(nameof(Refused))]
    public async Task A_refused_request_gets_ollamas_status_and_is_not_forwarded(string name, string body)
    {
        var recording = Transcript.Load(name);
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, recording.RequestBytes, isHead: false);

        var message = HttpMessage.Parse(answer.Bytes);
        Assert.Equal((recording.Response.Status, "close", RawEnd.Closed), (message.Status, message.Header("Connection"), answer.End));
        Assert.Equal(body, Encoding.ASCII.GetString(message.Body));
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData("CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n", 404)]
    [InlineData("CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400)]
    public async Task CONNECT_is_always_refused(string request, int status)
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes(request), isHead: false);

        Assert.Equal((status, RawEnd.Closed), (HttpMessage.Parse(answer.Bytes).Status, answer.End));
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task A_head_over_a_mebibyte_is_refused_with_ollamas_status()
    {
        var recording = Transcript.Load("76j-big-header");
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);
        byte[] request = [.. recording.RequestBytes, .. Encoding.ASCII.GetBytes(new string('a', 2 << 20)), .. "\r\n\r\n"u8];

        var answer = await RawHttp.SendAsync(proxy.Port, request, isHead: false);

        Assert.Equal((recording.Response.Status, RawEnd.Closed), (HttpMessage.Parse(answer.Bytes).Status, answer.End));
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task Http_2_is_refused_with_a_GOAWAY_frame()
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, Transcript.Load("76f-h2-prior-knowledge").RequestBytes, isHead: false);

        // A GOAWAY frame of 8 bytes: last stream 0, error HTTP_1_1_REQUIRED (RFC 9113, section 6.8).
        Assert.Equal([0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 13], answer.Bytes);
        Assert.Equal(RawEnd.Closed, answer.End);
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task A_target_over_a_mebibyte_is_refused()
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);
        var request = Encoding.ASCII.GetBytes($"GET /{new string('a', 2 << 20)} HTTP/1.1\r\nHost: localhost\r\n\r\n");

        var answer = await RawHttp.SendAsync(proxy.Port, request, isHead: false);

        Assert.Equal((414, RawEnd.Closed), (HttpMessage.Parse(answer.Bytes).Status, answer.End));
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task OPTIONS_of_the_server_is_answered_as_ollama_answers_it()
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), isHead: false);

        var message = HttpMessage.Parse(answer.Bytes);
        Assert.Equal(("HTTP/1.1 200 OK", "0", RawEnd.KeptOpen), (message.StartLine, message.Header("Content-Length"), answer.End));
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task A_response_without_a_date_gets_one()
    {
        await using var upstream = new RawUpstream(s_fine);
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore);

        var answer = await RawHttp.SendAsync(proxy.Port, "GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), isHead: false);

        Assert.NotNull(HttpMessage.Parse(answer.Bytes).Header("Date"));
    }
}
