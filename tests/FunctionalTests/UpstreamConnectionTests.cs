using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>When a connection to Ollama is reused, when it is replaced, and when it must be closed.</summary>
public sealed class UpstreamConnectionTests
{
    private const string Fine = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
    private const string Get = "GET /api/version HTTP/1.1\r\nHost: localhost\r\n\r\n";
    private const string Post = "POST /api/show HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}";

    private readonly RecordedRequests _recorded = new();

    [Fact]
    public async Task Every_post_arrives_once_at_an_ollama_that_closes_idle_connections_after_5_ms()
    {
        const int Count = 150;
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.ASCII.GetBytes(Fine));
            await Task.Delay(TimeSpan.FromMilliseconds(5));
            return false;
        });
        await using var proxy = await StartAsync(upstream);

        for (var number = 0; number < Count; number++)
        {
            using var answer = await proxy.Client.PostAsync($"/api/show?number={number}", new StringContent("{}"), TestContext.Current.CancellationToken);
            Assert.Equal("fine", await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
            // Around the moment at which Ollama closes.
            await Task.Delay(TimeSpan.FromMilliseconds(number % 10), TestContext.Current.CancellationToken);
        }

        Assert.Equal(
            Enumerable.Range(0, Count).Select(number => $"POST /api/show?number={number} HTTP/1.1"),
            upstream.Requests.Select(request => HttpMessage.Parse(request).StartLine));
    }

    [Fact]
    public async Task A_pooled_connection_that_closes_before_the_response_is_replaced_once()
    {
        var posts = 0;
        await using var upstream = new RawUpstream(async (connection, request) =>
        {
            var isLost = request.AsSpan().StartsWith("POST"u8) && Interlocked.Increment(ref posts) == 1;
            await connection.WriteAsync(isLost ? [] : Encoding.ASCII.GetBytes(Fine));
            return !isLost;
        });
        await using var proxy = await StartAsync(upstream);
        await SendAsync(proxy, Get);

        var answer = await SendAsync(proxy, Post);

        Assert.Equal("fine", Encoding.ASCII.GetString(answer.Body));
        Assert.Equal((3, 2), (upstream.Requests.Count, upstream.Connections));
        Assert.Equal(upstream.Requests[1], upstream.Requests[2]);
    }

    [Fact]
    public async Task A_partly_sent_body_is_not_resent()
    {
        await using var upstream = new RawUpstream(async (connection, request) =>
        {
            if (request.AsSpan().StartsWith("GET"u8))
            {
                await connection.WriteAsync(Encoding.ASCII.GetBytes(Fine));
                return true;
            }

            await connection.ReadExactlyAsync(new byte[2 << 20]);
            return false;
        }) { AnswersAtTheHead = true };
        await using var proxy = await StartAsync(upstream);
        await SendAsync(proxy, Get);

        var answer = await RawHttp.SendAsync(
            proxy.Port, ["POST /api/blobs/x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 8388608\r\n\r\n"u8.ToArray(), new byte[8 << 20]]);

        Assert.Equal(502, HttpMessage.Parse(answer.Bytes).Status);
        Assert.Single(upstream.Requests, request => request.AsSpan().StartsWith("POST"u8));
    }

    [Fact]
    public async Task A_request_that_ollama_may_have_begun_to_process_is_not_resent()
    {
        var clock = new FakeTimeProvider();
        await using var upstream = new RawUpstream(async (connection, request) =>
        {
            if (request.AsSpan().StartsWith("GET"u8))
            {
                await connection.WriteAsync(Encoding.ASCII.GetBytes(Fine));
                return true;
            }

            // The proxy may record the time of sending after Ollama has the request; at least one of these steps comes after that.
            using var step = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
            for (var count = 0; count < 50; count++)
            {
                clock.Advance(TimeSpan.FromSeconds(2));
                await step.WaitForNextTickAsync();
            }

            return false;
        });
        await using var proxy = await StartAsync(upstream, clock);
        await SendAsync(proxy, Get);

        Assert.Equal(502, (await SendAsync(proxy, Post)).Status);
        Assert.Single(upstream.Requests, request => request.AsSpan().StartsWith("POST"u8));
    }

    [Fact]
    public async Task A_request_whose_response_has_begun_is_not_resent()
    {
        await using var upstream = new RawUpstream(async (connection, request) =>
        {
            var isFirst = request.AsSpan().StartsWith("GET"u8);
            await connection.WriteAsync(isFirst ? Encoding.ASCII.GetBytes(Fine) : "H"u8.ToArray());
            return isFirst;
        });
        await using var proxy = await StartAsync(upstream);
        await SendAsync(proxy, Get);

        Assert.Equal(502, (await SendAsync(proxy, Post)).Status);
        Assert.Single(upstream.Requests, request => request.AsSpan().StartsWith("POST"u8));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length : 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length\t: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\n Content-Length: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length\0: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\nContent-Length: 2\n\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nX: a\rContent-Length: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 099 Odd\r\nContent-Length: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\n{}")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")]
    [InlineData("1xx")]
    public async Task An_ambiguous_response_head_is_a_502_and_its_connection_is_closed(string bad)
    {
        bad = bad == "1xx" ? string.Concat(Enumerable.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 200)) + Fine : bad;
        var number = 0;
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync(Encoding.Latin1.GetBytes(Interlocked.Increment(ref number) == 1 ? bad : Fine));
            return true;
        });
        await using var proxy = await StartAsync(upstream);

        Assert.Equal(502, (await SendAsync(proxy, Get)).Status);
        await upstream.Disconnected.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        var next = await SendAsync(proxy, Get);

        Assert.Equal(("HTTP/1.1 200 OK", "fine"), (next.StartLine, Encoding.ASCII.GetString(next.RawBody)));
        Assert.Equal(2, upstream.Connections);
        Assert.Equal([ExchangeOutcome.UpstreamUnreachable, ExchangeOutcome.Completed], (await _recorded.AllAsync(2)).Select(exchange => exchange.Outcome));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false)]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", true)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", false)]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", true)]
    [InlineData("HTTP/1.1 204 No Content\r\n\r\n", false)]
    [InlineData("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n", true)]
    public async Task Bytes_after_a_response_do_not_appear_in_another(string response, bool isLate)
    {
        const string Surplus = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nPOISONED";
        var (number, hasAnswer, isPoisoned) = (0, new TaskCompletionSource(), new TaskCompletionSource());
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            if (Interlocked.Increment(ref number) > 1)
            {
                await connection.WriteAsync(Encoding.ASCII.GetBytes(Fine));
                return true;
            }

            await connection.WriteAsync(Encoding.ASCII.GetBytes(isLate ? response : response + Surplus));
            if (isLate)
            {
                await hasAnswer.Task;
                await connection.WriteAsync(Encoding.ASCII.GetBytes(Surplus));
            }

            isPoisoned.SetResult();
            return true;
        });
        await using var proxy = await StartAsync(upstream);

        await SendAsync(proxy, Get);
        hasAnswer.SetResult();
        await isPoisoned.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);

        Assert.Equal("fine", Encoding.ASCII.GetString((await SendAsync(proxy, Get)).RawBody));
        Assert.Equal(2, upstream.Connections);
    }

    [Fact]
    public async Task Interim_responses_are_relayed_before_the_response()
    {
        const string Interim = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n";
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(Interim + Fine))], close: false));
        await using var proxy = await StartAsync(upstream);

        Assert.Equal("fine", Encoding.ASCII.GetString((await SendAsync(proxy, Get)).Body));
        Assert.Equal("fine", Encoding.ASCII.GetString((await SendAsync(proxy, Get)).Body));
        Assert.Equal(1, upstream.Connections);
    }

    [Fact]
    public async Task A_stream_at_the_end_of_the_grace_period_is_closed_in_order()
    {
        await using var upstream = new RawUpstream(async (connection, _) =>
        {
            await connection.WriteAsync("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"u8.ToArray());
            return true;
        });
        await using var proxy = await StartAsync(upstream, graceSeconds: 1);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        const string Request = "POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 13\r\n\r\n{\"model\":\"a\"}";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(Request), TestContext.Current.CancellationToken);
        var received = "";
        var buffer = new byte[1024];
        while (!received.EndsWith("hello\r\n", StringComparison.Ordinal))
        {
            received += Encoding.ASCII.GetString(buffer, 0, await client.GetStream().ReadAsync(buffer, TestContext.Current.CancellationToken));
        }

        var stopping = proxy.App.StopAsync(TestContext.Current.CancellationToken);
        var rest = await RawHttp.ReadAnswerAsync(client, "POST /api/generate HTTP/1.1");
        await stopping;

        Assert.Equal((RawEnd.Closed, 0), (rest.End, rest.Bytes.Length));
        Assert.Equal(ExchangeOutcome.ProxyStopped, (await _recorded.SingleAsync()).Outcome);
    }

    [Fact]
    public async Task A_request_without_a_response_at_the_end_of_the_grace_period_gets_503()
    {
        var hasRequest = new TaskCompletionSource();
        await using var upstream = new RawUpstream((_, _) =>
        {
            hasRequest.TrySetResult();
            return Task.FromResult(true);
        });
        await using var proxy = await StartAsync(upstream, graceSeconds: 1);

        var answering = SendAsync(proxy, Post);
        await hasRequest.Task.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
        await proxy.App.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(503, (await answering).Status);
        Assert.Equal(ExchangeOutcome.ProxyStopped, (await _recorded.SingleAsync()).Outcome);
        Assert.Single(upstream.Requests);
    }

    private static async Task<HttpMessage> SendAsync(ProxyUnderTest proxy, string request)
    {
        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes(request), isHead: false);
        return HttpMessage.Parse(answer.Bytes);
    }

    private Task<ProxyUnderTest> StartAsync(RawUpstream upstream, TimeProvider? clock = null, int graceSeconds = 10)
    {
        var variables = new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["SHUTDOWN_GRACE_SECONDS"] = $"{graceSeconds}" };
        return ProxyUnderTest.StartAsync(upstream.Address, variables, builder =>
        {
            _recorded.Register(builder);
            if (clock is not null)
            {
                builder.Services.AddSingleton(clock);
            }
        });
    }
}
