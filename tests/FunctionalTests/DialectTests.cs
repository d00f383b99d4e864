using System.IO.Compression;
using System.Text;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Outcomes and facts in the dialects other than Ollama's own, through the real byte path.</summary>
public sealed class DialectTests
{
    private const string EventsHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    private const string Token = "data: {\"model\":\"a\",\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n";

    private readonly RecordedRequests _recorded = new();

    [Theory]
    [InlineData("/v1/chat/completions", "data: [DONE]\n\n", ExchangeOutcome.Completed)]
    [InlineData("/v1/chat/completions", "", ExchangeOutcome.Incomplete)]
    [InlineData("/v1/chat/completions", "data: {\"error\":{\"message\":\"boom\"}}\n\n", ExchangeOutcome.UpstreamError)]
    [InlineData("/v1/completions", "data: [DONE]\n\n", ExchangeOutcome.Completed)]
    [InlineData("/v1/completions", "data: {\"model\":\"\",\"choices\":[{\"text\":\"\"}]}\n\n", ExchangeOutcome.Incomplete)]
    [InlineData("/v1/messages", "data: {\"type\":\"message_stop\"}\n\n", ExchangeOutcome.Completed)]
    [InlineData("/v1/messages", "data: {\"type\":\"content_block_stop\"}\n\n", ExchangeOutcome.Incomplete)]
    [InlineData("/v1/responses", "data: {\"type\":\"response.completed\",\"response\":{}}\n\n", ExchangeOutcome.Completed)]
    [InlineData("/v1/responses", "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"message\":\"boom\"}}}\n\n", ExchangeOutcome.UpstreamError)]
    [InlineData("/v1/responses", "", ExchangeOutcome.Incomplete)]
    public async Task A_stream_is_complete_when_its_terminator_was_sent(string path, string lastWord, ExchangeOutcome outcome)
    {
        var exchange = await ExchangeAsync(path, EventsHead + Chunk(Token) + (lastWord.Length > 0 ? Chunk(lastWord) : "") + "0\r\n\r\n");

        Assert.Equal((outcome, 200), (exchange.Outcome, exchange.StatusCode));
    }

    [Fact]
    public async Task A_cut_stream_is_incomplete_and_its_chunks_are_counted()
    {
        var exchange = await ExchangeAsync("/v1/chat/completions", EventsHead + Chunk(Token) + Chunk(Token) + "ff\r\ndata: {\"cho", close: true);

        Assert.Equal((ExchangeOutcome.Incomplete, 2, true, "xx"),
            (exchange.Outcome, exchange.Response.Usage.CompletionTokens, exchange.Response.Usage.Estimated, exchange.Response.Text));
    }

    [Fact]
    public async Task A_cloud_error_in_ollamas_own_format_is_recognized_on_every_path()
    {
        var exchange = await ExchangeAsync("/v1/messages",
            "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: 26\r\n\r\n{\"error\":\"cloud disabled\"}");

        Assert.Equal((ExchangeOutcome.UpstreamError, "cloud disabled", ErrorType.Forbidden), (exchange.Outcome, exchange.Error, ErrorTypes.Of(exchange)));
    }

    [Fact]
    public async Task A_transcription_is_an_inference_without_tokens()
    {
        const string Body = "{\"text\":\"hello there\"}";
        var form =
            "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper\r\n"
            + "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n\0\0\r\n--b--\r\n";
        var exchange = await ExchangeAsync(
            "/v1/audio/transcriptions",
            $"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n{Chunk(Body)}0\r\n\r\n",
            body: form,
            headers: "Content-Type: multipart/form-data; boundary=b\r\n");

        Assert.Equal(
            (ExchangeOutcome.Completed, "whisper", "hello there", true, TokenUsage.Unknown),
            (exchange.Outcome, exchange.Request.Model, exchange.Response.Text, exchange.Response.IsInference, exchange.Response.Usage));
    }

    [Fact]
    public async Task A_transcription_with_an_empty_body_is_incomplete()
    {
        var exchange = await ExchangeAsync("/v1/audio/transcriptions",
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");

        Assert.Equal(ExchangeOutcome.Incomplete, exchange.Outcome);
    }

    [Fact]
    public async Task The_proxys_own_phases_are_measured()
    {
        var exchange = await ExchangeAsync("/v1/chat/completions", EventsHead + Chunk(Token) + Chunk("data: [DONE]\n\n") + "0\r\n\r\n");

        Assert.InRange(exchange.ConnectTime!.Value, TimeSpan.FromTicks(1), exchange.Duration);
        Assert.Equal(TimeSpan.Zero, exchange.BackPressure);
    }

    [Theory]
    [InlineData("40-v1-chat-stream", "41-v1-chat-stream-usage")]
    [InlineData("45-v1-completions-stream", "45b-v1-completions-stream-usage")]
    public async Task With_injected_usage_the_client_sees_no_usage_and_the_record_has_the_counts(string asked, string answered)
    {
        var (request, response) = (Transcript.Load(asked), Transcript.Load(answered));
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, response.ResponseBytes)], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, new Dictionary<string, string> { ["PROXY_INJECT_USAGE"] = "true" },
            _recorded.Register);

        var received = HttpMessage.Parse((await RawHttp.SendAsync(proxy.Port, request.RequestBytes, isHead: false)).Bytes);
        var exchange = await _recorded.SingleAsync();

        Assert.Equal(request.Response.Chunks.Select(Anonymous), received.Chunks.Select(Anonymous));
        Assert.True(received.IsWhole);
        var sent = HttpMessage.Parse(upstream.Requests[0]);
        Assert.True(sent.IsWhole);
        Assert.Contains("\"stream_options\":{\"include_usage\":true}", Encoding.UTF8.GetString(sent.Body), StringComparison.Ordinal);
        Assert.False(exchange.Response.Usage.Estimated);
        Assert.NotNull(exchange.Response.Usage.PromptTokens);
        Assert.Equal(request.Request.Body.Length, exchange.RequestBytes);
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("Accept-Encoding: gzip, br\r\n", "identity")]
    [InlineData("Accept-Encoding: gzip\r\nContent-Encoding: identity\r\n", "identity")]
    [InlineData("Accept-Encoding: gzip\r\nContent-Encoding: zstd\r\n", "gzip")]
    public async Task With_injected_usage_the_response_is_requested_uncompressed(string headers, string? asked)
    {
        const string Body = "{\"stream\":true}";
        var answer = Encoding.ASCII.GetBytes(EventsHead + Chunk("data: [DONE]\n\n") + "0\r\n\r\n");
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, answer)], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(
            upstream.Address, new Dictionary<string, string> { ["PROXY_INJECT_USAGE"] = "true" }, _recorded.Register);

        await RawHttp.SendAsync(
            proxy.Port,
            Encoding.ASCII.GetBytes($"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {Body.Length}\r\n\r\n{Body}"),
            isHead: false);

        var sent = HttpMessage.Parse(upstream.Requests[0]);
        Assert.Equal(asked, sent.Header("Accept-Encoding"));
        Assert.Equal(asked != "gzip", Encoding.UTF8.GetString(sent.Body).Contains("include_usage", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(true, true)]
    [InlineData(false, false)]
    [InlineData(false, true)]
    public async Task With_injected_usage_an_unchunked_stream_arrives_well_framed(bool hasLength, bool headComesAlone)
    {
        const string Body = "{\"stream\":true}";
        const string Events = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
        const string Answer = Events + "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";
        var framing = hasLength ? $"Content-Length: {Answer.Length}" : "Connection: close";
        var head = Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n{framing}\r\n\r\n");
        var answer = Encoding.ASCII.GetBytes(Answer);
        (TimeSpan, byte[])[] pieces =
            headComesAlone ? [(TimeSpan.Zero, head), (TimeSpan.FromMilliseconds(50), answer)] : [(TimeSpan.Zero, [.. head, .. answer])];
        await using var upstream = new RawUpstream(RawUpstream.Replay(pieces, close: true));
        await using var proxy = await ProxyUnderTest.StartAsync(
            upstream.Address, new Dictionary<string, string> { ["PROXY_INJECT_USAGE"] = "true" }, _recorded.Register);

        var request = $"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: {Body.Length}\r\n\r\n{Body}";
        var received = HttpMessage.Parse((await RawHttp.SendAsync(proxy.Port, Encoding.ASCII.GetBytes(request), isHead: false)).Bytes);

        Assert.Equal((Events + "data: [DONE]\n\n", true), (Encoding.UTF8.GetString(received.Body), received.IsWhole));
        Assert.Equal(2, (await _recorded.SingleAsync()).Response.Usage.CompletionTokens);
    }

    [Theory]
    [InlineData("41-v1-chat-stream-usage")]
    [InlineData("42-v1-chat-nostream")]
    [InlineData("44b-v1-chat-malformed")]
    [InlineData("20-chat-stream")]
    [InlineData("52-v1-messages-stream")]
    public async Task With_injected_usage_every_other_request_passes_unchanged(string name)
    {
        var recording = Transcript.Load(name);
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, recording.ResponseBytes)], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, new Dictionary<string, string> { ["PROXY_INJECT_USAGE"] = "true" },
            _recorded.Register);

        var received = HttpMessage.Parse((await RawHttp.SendAsync(proxy.Port, recording.RequestBytes, isHead: false)).Bytes);

        Assert.Equal(recording.Response.RawBody, received.RawBody);
        Assert.Equal(recording.Request.Body, HttpMessage.Parse(upstream.Requests[0]).Body);
    }

    [Fact]
    public async Task Compressed_requests_and_responses_are_decoded_for_the_record_and_pass_unchanged()
    {
        var answer = Encode(Encoding.UTF8.GetBytes(Token + Token + "data: [DONE]\n\n"),
            stream => new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true));
        var request = Encode(Encoding.UTF8.GetBytes("{\"model\":\"codex\",\"messages\":[{\"role\":\"user\",\"content\":\"hello\"}]}"),
            stream => new ZstdSharp.CompressionStream(stream, level: 3, leaveOpen: true));
        byte[] response = [.. Encoding.ASCII.GetBytes(
            $"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nContent-Length: {answer.Length}\r\n\r\n"), .. answer];
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, response)], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, configure: _recorded.Register);

        byte[] sent = [.. Encoding.ASCII.GetBytes(
            $"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Encoding: zstd\r\nContent-Length: {request.Length}\r\n\r\n"), .. request];
        var received = HttpMessage.Parse((await RawHttp.SendAsync(proxy.Port, sent, isHead: false)).Bytes);
        var exchange = await _recorded.SingleAsync();

        Assert.Equal(answer, received.Body);
        Assert.Equal(request, HttpMessage.Parse(upstream.Requests[0]).Body);
        Assert.Equal((ExchangeOutcome.Completed, "codex", "hello", "xx", 2),
            (exchange.Outcome, exchange.Request.Model, exchange.Request.Prompt, exchange.Response.Text, exchange.Response.ContentPieces));
    }

    [Fact]
    public async Task A_truncated_prompt_is_counted_and_recorded()
    {
        var recording = Transcript.Load("29f-chat-too-long-truncated");
        var body = Encoding.UTF8.GetString(recording.Request.Body).Replace("\"num_predict\"", "\"num_ctx\": 2048, \"num_predict\"", StringComparison.Ordinal);
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, recording.ResponseBytes)], close: false));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, configure: _recorded.Register);

        await RawHttp.SendAsync(proxy.Port,
            Encoding.UTF8.GetBytes($"POST /api/chat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}"),
            isHead: false);
        var exchange = await _recorded.SingleAsync();
        Assert.Equal((6_000, 1_027, 2_048), (exchange.Request.TextLength, exchange.Response.Usage.PromptTokens, exchange.Request.ContextLength));

        await Eventually.TrueAsync(async () => (await proxy.Client.GetStringAsync(new Uri("/metrics", UriKind.Relative))).Contains(
            "ollama_prompt_truncated_total{confidence=\"certain\",model=\"tiny:latest\"} 1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_target_in_absolute_form_is_the_same_endpoint()
    {
        var exchange = await ExchangeAsync("http://localhost/v1/chat/completions", EventsHead + Chunk(Token) + Chunk("data: [DONE]\n\n") + "0\r\n\r\n");

        Assert.Equal((ApiEndpoint.OpenAiChat, "x"), (exchange.Endpoint, exchange.Response.Text));
    }

    private static byte[] Encode(byte[] body, Func<Stream, Stream> encoder)
    {
        using var target = new MemoryStream();
        using (var stream = encoder(target))
        {
            stream.Write(body);
        }

        return target.ToArray();
    }

    private async Task<Exchange> ExchangeAsync(string path, string answer, bool close = false, string body = "{\"model\":\"a\",\"stream\":true}",
        string headers = "")
    {
        await using var upstream = new RawUpstream(RawUpstream.Replay([(TimeSpan.Zero, Encoding.ASCII.GetBytes(answer))], close));
        await using var proxy = await ProxyUnderTest.StartAsync(upstream.Address, configure: _recorded.Register);
        await RawHttp.SendAsync(proxy.Port,
            Encoding.ASCII.GetBytes($"POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {body.Length}\r\n\r\n{body}"), isHead: false);
        return await _recorded.SingleAsync();
    }

    private static string Chunk(string text) => $"{Encoding.UTF8.GetByteCount(text):x}\r\n{text}\r\n";

    private static string Anonymous(byte[] chunk) =>
        System.Text.RegularExpressions.Regex.Replace(Encoding.UTF8.GetString(chunk), "\"(id\":\"(chat)?cmpl-|created\":)[0-9]+", "\"$1N");
}
