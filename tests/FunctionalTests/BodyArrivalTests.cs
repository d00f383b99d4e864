using System.Globalization;
using System.Net.Sockets;
using System.Net;
using System.Text.RegularExpressions;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Domain;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Decoding;
using OllamaProxy.Host.Proxy;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A slot is for requests that Ollama can work on: a body that has not arrived holds none, and a stalled one loses its slot.</summary>
public sealed partial class BodyArrivalTests
{
    private const string Prompt = """{"model":"tiny","prompt":"a","stream":false}""";
    private const string Continue = "HTTP/1.1 100 Continue\r\n\r\n";
    private const int Mebibyte = 1024 * 1024;

    private readonly RecordedRequests _recorded = new();
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UnixEpoch);

    public static TheoryData<string> Framings =>
    [
        "Content-Length: 1000\r\n\r\n",
        "Content-Length: 1000\r\n\r\n{\"model\":",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n9\r\n{\"model\":\r\n",
        "Transfer-Encoding: chunked\r\n\r\n99999\r\n{",
    ];

    [Theory]
    [MemberData(nameof(Framings))]
    public async Task Bodies_that_do_not_arrive_hold_no_slot(string framingAndBeginning)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama);
        var clients = await OpenAsync(proxy, 3, $"POST /api/chat HTTP/1.1\r\nHost: localhost\r\n{framingAndBeginning}");
        await Eventually.TrueAsync(() => Running(proxy).Count == 3);

        using var answer = await proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        clients.ForEach(client => client.Dispose());
        var left = (await _recorded.AllAsync(4)).Where(exchange => exchange.Endpoint == ApiEndpoint.Chat).ToList();
        Assert.Equal(3, left.Count);
        Assert.All(left, exchange => Assert.Equal((ExchangeOutcome.ClientCancelled, null, null), (exchange.Outcome, exchange.StatusCode, exchange.QueueTime)));
        Assert.Single(ollama.Received, request => request.Method == "POST");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_proxy_sends_100_continue_to_a_waiting_client_which_holds_no_slot_before(bool chunked)
    {
        var framing = chunked ? "Transfer-Encoding: chunked\r\n\r\n" : $"Content-Length: {Prompt.Length}\r\n\r\n";
        var body = chunked ? $"{Prompt.Length:x}\r\n{Prompt}\r\n0\r\n\r\n" : Prompt;
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama);
        var clients = await OpenAsync(proxy, 2, $"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n{framing}");
        foreach (var client in clients)
        {
            Assert.Equal(Continue, await ReadAsync(client, Continue.Length));
        }

        using var other = await proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await SendAsync(clients[1], body);
        var answer = await ReadToEndAsync(clients[1]);

        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        Assert.StartsWith("HTTP/1.1 200 OK\r\n", RawText(answer), StringComparison.Ordinal);
        Assert.Contains("\"done\":true", answer, StringComparison.Ordinal);
        Assert.DoesNotContain(ollama.Received.SelectMany(request => request.Headers),
            header => header.Key.Equals("Expect", StringComparison.OrdinalIgnoreCase));
        clients.ForEach(client => client.Dispose());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_body_sent_byte_by_byte_arrives_whole(bool chunked)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama);
        using var client = new TcpClient("127.0.0.1", proxy.Port) { NoDelay = true };

        await SendAsync(client,
            $"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            + $"{(chunked ? "Transfer-Encoding: chunked" : $"Content-Length: {Prompt.Length}")}\r\n\r\n");
        foreach (var letter in Prompt)
        {
            await SendAsync(client, chunked ? $"1\r\n{letter}\r\n" : $"{letter}");
        }

        await SendAsync(client, chunked ? "0\r\n\r\n" : "");
        Assert.Contains("\"done\":true", await ReadToEndAsync(client), StringComparison.Ordinal);
        var exchange = await _recorded.SingleAsync();
        Assert.Equal((ExchangeOutcome.Completed, Prompt.Length, "tiny", "a"),
            (exchange.Outcome, exchange.RequestBytes, exchange.Request.Model, exchange.Request.Prompt));
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.ASCII.GetBytes(Prompt))),
            ollama.Received.Single().BodySha256, ignoreCase: true);
    }

    [Theory]
    [InlineData("xyz")]
    [InlineData("-1")]
    [InlineData("ffffffffffffffffff")]
    public async Task A_body_with_malformed_chunks_is_rejected_and_not_forwarded(string size)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama);

        var request = $"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{size}\r\n{{}}\r\n0\r\n\r\n";
        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes(request), isHead: false);

        var text = Encoding.ASCII.GetString(answer.Bytes);
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", text, StringComparison.Ordinal);
        Assert.EndsWith("{\"error\":\"ollama-proxy: the request's body has malformed chunks.\"}", text, StringComparison.Ordinal);
        Assert.Empty(ollama.Received);
        var exchange = await _recorded.SingleAsync();
        Assert.Equal((ExchangeOutcome.Rejected, 400, ErrorType.BadRequest), (exchange.Outcome, exchange.StatusCode, ErrorTypes.Of(exchange)));
    }

    [Theory]
    [InlineData("/api/show", 2, "xyz")]
    [InlineData("/api/show", 2, "ffffffffffffffffff")]
    [InlineData("/api/blobs/sha256:0", 2, "xyz")]
    [InlineData("/api/generate", 2 * Mebibyte, "xyz")]
    [InlineData("/v1/chat/completions", 2 * Mebibyte, "ffffffffffffffffff")]
    public async Task A_body_whose_later_chunks_are_malformed_is_rejected(string path, int length, string size)
    {
        // The upstream answers only a whole request.
        await using var ollama = new RawUpstream(RawUpstream.Replay([], close: false));
        await using var proxy = await StartAsync(ollama.Address);

        var request = $"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n{length:x}\r\n{new string(' ', length)}\r\n{size}\r\n";
        var answer = await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes(request), isHead: false);

        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", Encoding.ASCII.GetString(answer.Bytes), StringComparison.Ordinal);
        var exchange = await _recorded.SingleAsync();
        Assert.Equal((ExchangeOutcome.Rejected, 400, ErrorType.BadRequest), (exchange.Outcome, exchange.StatusCode, ErrorTypes.Of(exchange)));
    }

    [Theory]
    [InlineData("/api/show")]
    [InlineData("/api/chat")]
    public async Task A_client_that_ends_in_the_middle_of_its_body_has_cancelled(string path)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        await SendAsync(client, $"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{{");
        client.Client.Shutdown(SocketShutdown.Send);

        Assert.Equal(ExchangeOutcome.ClientCancelled, (await _recorded.SingleAsync()).Outcome);
    }

    [Fact]
    public async Task A_compressed_request_that_waits_for_a_slot_holds_no_decoder()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama);
        var client = await BeginUploadAsync(proxy, ollama, "/api/chat", chunked: false);
        using var encoded = new ByteArrayContent(Gzip(Prompt)) { Headers = { ContentEncoding = { "gzip" } } };
        var waiting = proxy.Client.PostAsync("/api/generate", encoded);
        await UntilOneWaitsAsync(proxy);

        Assert.Equal(DecoderBudget.DefaultBytes, proxy.Services.GetRequiredService<DecoderBudget>().FreeBytes);

        client.Dispose();
        using var answer = await waiting;
        var exchange = (await _recorded.AllAsync(2)).Single(exchange => exchange.Endpoint == ApiEndpoint.Generate);
        Assert.Equal(("tiny", "a"), (exchange.Request.Model, exchange.Request.Prompt));
    }

    [Fact]
    public async Task A_large_body_is_forwarded_once_a_mebibyte_of_it_has_arrived()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama);
        using var client = new TcpClient("127.0.0.1", proxy.Port);
        var body = Encoding.ASCII.GetBytes(Prompt.PadRight(3 * Mebibyte));

        await SendAsync(client, $"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {body.Length}\r\n\r\n");
        await client.GetStream().WriteAsync(body.AsMemory(0, Mebibyte - 1));
        await Eventually.TrueAsync(() => Running(proxy) is { Count: 1 } running && running.Snapshot()[0].Observation.RequestBytes == Mebibyte - 1);
        Assert.Empty(ollama.Received);

        await client.GetStream().WriteAsync(body.AsMemory(Mebibyte - 1, 1));
        await Eventually.TrueAsync(() => ollama.Received.Count == 1);
        Assert.Null(ollama.Received[0].BodySha256);

        await client.GetStream().WriteAsync(body.AsMemory(Mebibyte));
        Assert.Contains("\"done\":true", await ReadToEndAsync(client), StringComparison.Ordinal);
        Assert.Equal(body.Length, (await _recorded.SingleAsync()).RequestBytes);
    }

    [Theory]
    [InlineData("/api/chat", false, """^\{"error":"ollama-proxy: (?<text>.+)\."\}$""")]
    [InlineData("/v1/chat/completions", true, """^\{"error":\{"message":"ollama-proxy: (?<text>.+)\.","type":".+","param":null,"code":null\}\}$""")]
    [InlineData("/v1/messages", true, """^\{"type":"error","error":\{"type":".+","message":"ollama-proxy: (?<text>.+)\."\},"request_id":"req_[0-9a-f]+"\}$""")]
    public async Task A_stalled_body_loses_its_slot_to_queued_requests(string path, bool chunked, string shape)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, withClock: true);
        using var client = await BeginUploadAsync(proxy, ollama, path, chunked);
        var waiting = proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await UntilOneWaitsAsync(proxy);
        await AdvanceUntilAsync(() => waiting.IsCompleted);

        // Read to the end of the response; the server decides how soon it then closes the connection.
        var answer = "";
        while (!answer.EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            answer += await ReadAsync(client, 1);
        }

        answer += await ReadAsync(client,
            int.Parse(HttpMessage.Parse(Encoding.ASCII.GetBytes(answer), hasBody: false).Header("Content-Length")!, CultureInfo.InvariantCulture));

        using var other = await waiting;
        var exchange = (await _recorded.AllAsync(2)).Single(exchange => exchange.Endpoint != ApiEndpoint.Generate);

        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        Assert.StartsWith("HTTP/1.1 408 Request Timeout\r\n", answer, StringComparison.Ordinal);
        const string Why = "the request's body stalled for 30 s while other requests waited for its slot";
        Assert.Equal(Why, Regex.Unescape(Regex.Match(answer[(answer.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4)..], shape).Groups["text"].Value));
        Assert.Equal((ExchangeOutcome.Rejected, (int?)408, Why, ErrorType.BodyStalled),
            (exchange.Outcome, exchange.StatusCode, exchange.Error, ErrorTypes.Of(exchange)));
        Assert.InRange(exchange.Duration, UploadWatch.Limit, TimeSpan.FromDays(1));
        Assert.Contains($"ollama_rejected_total{{endpoint=\"{exchange.Endpoint}\",reason=\"body_stalled\"}} 1\n",
            await proxy.Client.GetStringAsync("/metrics"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Single_bytes_do_not_count_as_progress()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, withClock: true);
        using var client = await BeginUploadAsync(proxy, ollama, "/api/chat", chunked: false);
        var waiting = proxy.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await UntilOneWaitsAsync(proxy);
        var sent = 0;
        var stream = client.GetStream();
        await Eventually.TrueAsync(async () =>
        {
            _time.Advance(TimeSpan.FromSeconds(2));
            sent++;
            await stream.WriteAsync(new byte[1]).AsTask()
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            return waiting.IsCompleted;
        });

        using var other = await waiting;
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
        Assert.True(sent > 1);
    }

    [Fact]
    public async Task A_stalled_body_keeps_its_slot_while_no_request_is_queued()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await StartAsync(ollama, withClock: true);
        using var client = await BeginUploadAsync(proxy, ollama, "/api/generate", chunked: false);
        for (var second = 0; second < 100; second++)
        {
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        await client.GetStream().WriteAsync(new byte[Mebibyte]);
        await ReadToEndAsync(client);

        Assert.Equal(ExchangeOutcome.UpstreamError, (await _recorded.SingleAsync()).Outcome);
    }

    /// <summary>Takes the only slot with the first half of a 2 MiB body.</summary>
}
