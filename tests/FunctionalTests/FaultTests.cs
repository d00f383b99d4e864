using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;
using Yarp.ReverseProxy.Forwarder;

namespace OllamaProxy.FunctionalTests;

/// <summary>The response and the record for each way in which Ollama can fail.</summary>
public sealed class FaultTests
{
    private const string StreamHead = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";

    private readonly RecordedRequests _recorded = new();

    [Theory]
    [InlineData("/api/generate", """{"error":"ollama-proxy: no answer from Ollama at """)]
    [InlineData("/v1/chat/completions", """{"error":{"message":"ollama-proxy: no answer from Ollama at """)]
    [InlineData("/v1/messages", """{"type":"error","error":{"type":"api_error","message":"ollama-proxy: no answer from Ollama at """)]
    [InlineData("/nowhere", """{"error":"ollama-proxy: no answer from Ollama at """)]
    public async Task An_unreachable_ollama_gives_502_in_the_format_of_the_dialect(string path, string body)
    {
        await using var proxy = await StartAsync(await UnusedAddressAsync());

        var answer = HttpMessage.Parse((await SendAsync(proxy, Post(path, "{}"))).Bytes);
        var exchange = await _recorded.SingleAsync();

        Assert.Equal((502, "application/json"), (answer.Status, answer.Header("Content-Type")));
        Assert.StartsWith(body, Encoding.UTF8.GetString(answer.Body), StringComparison.Ordinal);
        Assert.Equal((ExchangeOutcome.UpstreamUnreachable, 502), (exchange.Outcome, exchange.StatusCode));
        Assert.NotNull(exchange.Error);
    }

    [Fact]
    public async Task A_head_request_gets_only_the_status()
    {
        await using var proxy = await StartAsync(await UnusedAddressAsync());

        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes("HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"),
            isHead: true);

        Assert.Equal(502, HttpMessage.Parse(answer.Bytes, hasBody: false).Status);
        Assert.EndsWith("\r\n\r\n", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("this is not HTTP at all\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Le")]
    public async Task An_ollama_that_sends_nothing_or_garbage_gives_502(string garbage)
    {
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(garbage))], close: true));
        await using var proxy = await StartAsync(upstream.Address);

        var answer = HttpMessage.Parse((await SendAsync(proxy, Post("/api/chat", "{\"model\":\"a\"}"))).Bytes);
        var exchange = await _recorded.SingleAsync();

        Assert.Equal(502, answer.Status);
        Assert.Equal(ExchangeOutcome.UpstreamUnreachable, exchange.Outcome);
        Assert.Equal("a", exchange.Request.Model);
    }

    [Fact]
    public async Task A_cut_stream_arrives_to_its_last_byte_and_is_incomplete()
    {
        var bytes = Encoding.ASCII.GetBytes(
            StreamHead + Chunk("{\"response\":\"a\",\"done\":false}\n") + Chunk("{\"response\":\"b\",\"done\":false}\n") + "1f\r\n{\"resp");
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, bytes)], close: true));
        await using var proxy = await StartAsync(upstream.Address);

        var answer = await SendAsync(proxy, Post("/api/generate", "{\"model\":\"a\"}"));
        var exchange = await _recorded.SingleAsync();

        Assert.EndsWith("1f\r\n{\"resp", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
        Assert.Equal(RawEnd.Closed, answer.End);
        Assert.Equal((ExchangeOutcome.Incomplete, "ab", 2, true),
            (exchange.Outcome, exchange.Response.Text, exchange.Response.Usage.CompletionTokens, exchange.Response.Usage.Estimated));
    }

    [Fact]
    public async Task The_silence_before_a_cut_is_the_longest_gap()
    {
        var (clock, cut) = (new FakeTimeProvider(), new TaskCompletionSource());
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes(StreamHead + Chunk("{\"response\":\"a\",\"done\":false}\n")));
            await cut.Task;
            return false;
        });
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, ProxyUnderTest.NoStore, builder =>
        {
            builder.Services.AddSingleton<TimeProvider>(clock);
            _recorded.Register(builder);
        });
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = new StringContent("{\"model\":\"a\"}") };
        using var response = await proxy.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        await using var stream = await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        Assert.NotEqual(0, await stream.ReadAsync(new byte[1_024], TestContext.Current.CancellationToken));

        clock.Advance(TimeSpan.FromSeconds(10));
        cut.SetResult();
        await Assert.ThrowsAnyAsync<IOException>(() => stream.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken));

        Assert.Equal(TimeSpan.FromSeconds(10), (await _recorded.SingleAsync()).Response.LongestGap);
    }

    [Fact]
    public async Task A_response_shorter_than_its_content_length_is_cut_for_the_client_too()
    {
        var bytes = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"response\":");
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, bytes)], close: true));
        await using var proxy = await StartAsync(upstream.Address);

        var answer = await SendAsync(proxy, Post("/api/generate", "{\"model\":\"a\",\"stream\":false}"));
        var exchange = await _recorded.SingleAsync();

        Assert.EndsWith("{\"response\":", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
        Assert.Contains(answer.End, new[] { RawEnd.Closed, RawEnd.Reset });
        Assert.Equal(ExchangeOutcome.Incomplete, exchange.Outcome);
    }

    [Fact]
    public async Task An_error_inside_a_200_stream_is_an_error()
    {
        var bytes = Encoding.ASCII.GetBytes(
            StreamHead + Chunk("{\"response\":\"a\",\"done\":false}\n") + Chunk("{\"error\":\"an error was encountered\"}\n") + "0\r\n\r\n");
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, bytes)], close: false));
        await using var proxy = await StartAsync(upstream.Address);

        await SendAsync(proxy, Post("/api/generate", "{\"model\":\"a\"}"));
        var exchange = await _recorded.SingleAsync();

        Assert.Equal((ExchangeOutcome.UpstreamError, 200, "an error was encountered"), (exchange.Outcome, exchange.StatusCode, exchange.Error));
    }

    [Fact]
    public async Task A_stream_that_ends_in_order_but_without_its_terminator_is_incomplete()
    {
        var bytes = Encoding.ASCII.GetBytes(StreamHead + Chunk("{\"response\":\"a\",\"done\":false}\n") + "0\r\n\r\n");
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, bytes)], close: false));
        await using var proxy = await StartAsync(upstream.Address);

        await SendAsync(proxy, Post("/api/generate", "{\"model\":\"a\"}"));

        Assert.Equal(ExchangeOutcome.Incomplete, (await _recorded.SingleAsync()).Outcome);
    }

    [Theory]
    [InlineData("Content-Length: 5000000")]
    [InlineData("Transfer-Encoding: chunked")]
    public async Task A_client_that_waits_for_100_continue_gets_only_ollamas_refusal(string framing)
    {
        var upstreamAnswer =
            "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 17\r\nConnection: close\r\n\r\n{\"error\":\"never\"}";
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes(upstreamAnswer));
            return false;
        }) { AnswersAtTheHead = true };
        await using var proxy = await StartAsync(upstream.Address);

        var request = Encoding.ASCII.GetBytes($"POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n{framing}\r\n\r\n");
        var answer = await RawHttp.SendAsync(proxy.Port, request, isHead: false);

        Assert.StartsWith("HTTP/1.1 400 Bad Request", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
        Assert.Equal(ExchangeOutcome.UpstreamError, (await _recorded.SingleAsync()).Outcome);
    }

    [Fact]
    public async Task Pipelined_requests_are_answered_in_order()
    {
        var number = 0;
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            var body = $"answer {Interlocked.Increment(ref number)}";
            await connection.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
            return true;
        });
        await using var proxy = await StartAsync(upstream.Address);

        const string Request = "GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n";
        const string Last = "GET /api/version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Request + Request + Last));
        using var reader = new StreamReader(client.GetStream());
        var all = await reader.ReadToEndAsync(TestContext.Current.CancellationToken);

        Assert.True(all.IndexOf("answer 1", StringComparison.Ordinal) < all.IndexOf("answer 2", StringComparison.Ordinal));
        Assert.EndsWith("answer 3", all, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/chat", """^\{"error":"ollama-proxy: the proxy failed; its log has the reason under (?<id>[0-9a-f]{32})\."\}$""")]
    [InlineData("/v1/chat/completions",
        """^\{"error":\{"message":"ollama-proxy: the proxy failed; .+ under (?<id>[0-9a-f]{32})\.","type":"api_error","param":null,"code":null\}\}$""")]
    [InlineData("/v1/messages",
        """^\{"type":"error","error":\{"type":"api_error","message":"ollama-proxy: the proxy failed; """
        + """.+ under (?<id>[0-9a-f]{32})\."\},"request_id":"req_[0-9a-f]+"\}$""")]
    [InlineData("/api/tags", """^\{"error":"ollama-proxy: the proxy failed; its log has the reason under (?<id>[0-9a-f]{32})\."\}$""")]
    public async Task A_fault_of_the_proxy_is_answered_in_the_format_of_the_dialect_logged_and_counted(string path, string shape)
    {
        var log = new CapturedLog();
        await using var proxy = await ProxyUnderTest.StartAsync(
            await UnusedAddressAsync(),
            ProxyUnderTest.NoStore,
            builder =>
            {
                _recorded.Register(builder);
                log.Register(builder);
                builder.Services.AddSingleton<IHttpForwarder, FaultyForwarder>();
            });

        using var answer = await proxy.Client.PostAsync(path, new StringContent("{\"model\":\"a\"}"), TestContext.Current.CancellationToken);
        var id = Regex.Match(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), shape).Groups["id"].Value;
        var exchange = await _recorded.SingleAsync();

        Assert.Equal((HttpStatusCode.InternalServerError, "application/json"), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
        Assert.Equal((id, ExchangeOutcome.Rejected, (int?)500, ErrorType.ProxyFault),
            (exchange.Id, exchange.Outcome, exchange.StatusCode, ErrorTypes.Of(exchange)));
        Assert.Contains(log.Lines,
            line => line.StartsWith($"The proxy failed in request {id}.", StringComparison.Ordinal)
            && line.Contains(FaultyForwarder.Message, StringComparison.Ordinal));
        var metrics = await proxy.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.Equal(["ollama_proxy_faults_total{} 1"],
            metrics.Split('\n').Where(line => line.StartsWith("ollama_proxy_faults_total", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_fault_of_the_proxy_in_the_middle_of_a_response_closes_the_connection_before_the_end_of_the_body()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(
            await UnusedAddressAsync(),
            ProxyUnderTest.NoStore,
            builder =>
            {
                _recorded.Register(builder);
                builder.Services.AddSingleton<IHttpForwarder>(new FaultyForwarder { Begins = true });
            });

        var answer = await SendAsync(proxy, Post("/api/generate", "{\"model\":\"a\"}"));

        Assert.NotEqual(RawEnd.TimedOut, answer.End);
        Assert.DoesNotContain("0\r\n\r\n", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
        Assert.Equal(ExchangeOutcome.Incomplete, (await _recorded.SingleAsync()).Outcome);
    }

    [Fact]
    public async Task A_failure_while_the_exchange_is_completed_affects_neither_the_response_nor_the_metrics()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(
            await UnusedAddressAsync(),
            ProxyUnderTest.NoStore,
            builder =>
            {
                _recorded.Register(builder);
                builder.Services.AddSingleton<IHttpForwarder>(new FaultyForwarder { Error = new BrokenMessageException() });
            });

        using var answer = await proxy.Client.PostAsync("/api/generate", new StringContent("{\"model\":\"a\"}"), TestContext.Current.CancellationToken);
        var exchange = await _recorded.SingleAsync();
        var metrics = await proxy.Client.GetStringAsync("/metrics", TestContext.Current.CancellationToken);

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        Assert.Equal((ApiEndpoint.Generate, (int?)502), (exchange.Endpoint, exchange.StatusCode));
        Assert.Contains("ollama_proxy_faults_total{} 1\n", metrics, StringComparison.Ordinal);
        Assert.Matches("ollama_requests_total\\{[^}]*endpoint=\"generate\"[^}]*status=\"error\"[^}]*\\} 1\n", metrics);
    }

    private static string Chunk(string data) => $"{data.Length:x}\r\n{data}\r\n";

    private static byte[] Post(string path, string body) =>
        Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {body.Length}\r\n\r\n{body}");

    private static Task<RawAnswer> SendAsync(ProxyUnderTest proxy, byte[] request) => RawHttp.SendAsync(proxy.Port, request, isHead: false);

    private Task<ProxyUnderTest> StartAsync(Uri upstream) =>
        ProxyUnderTest.StartAsync(upstream, ProxyUnderTest.NoStore, _recorded.Register);

    /// <summary>An address that refuses connections, because its listener was closed.</summary>
    private static async Task<Uri> UnusedAddressAsync()
    {
        await using var upstream = new RawUpstream(RawUpstream.Replay([], close: true));
        return upstream.Address;
    }

    /// <summary>A part of the proxy that fails, before a response or in the middle of one.</summary>
    private sealed class FaultyForwarder : IHttpForwarder
    {
        public const string Message = "a fault for the test";

        public bool Begins { get; init; }

        /// <summary>Reported as an error of the forwarder instead of thrown.</summary>
        public Exception? Error { get; init; }

        public async ValueTask<ForwarderError> SendAsync(HttpContext context, string destinationPrefix, HttpMessageInvoker httpClient,
            ForwarderRequestConfig requestConfig, HttpTransformer transformer)
        {
            if (Begins)
            {
                context.Response.Headers.TransferEncoding = "chunked";
                await context.Response.WriteAsync("5\r\nhello\r\n");
                await context.Response.Body.FlushAsync();
            }

            if (Error is null)
            {
                throw new InvalidOperationException(Message);
            }

            context.Features.Set<IForwarderErrorFeature>(new Failure(Error));
            return ForwarderError.Request;
        }

        private sealed record Failure(Exception Exception) : IForwarderErrorFeature
        {
            public ForwarderError Error => ForwarderError.Request;
        }
    }

    /// <summary>Throws when its message is read.</summary>
    private sealed class BrokenMessageException : Exception
    {
        public override string Message => throw new InvalidOperationException("no text");
    }
}
