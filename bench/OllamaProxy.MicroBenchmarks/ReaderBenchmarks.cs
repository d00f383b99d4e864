using BenchmarkDotNet.Attributes;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Domain;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.MicroBenchmarks;

/// <summary>The readers that observe the bytes of a request or response.</summary>
[MemoryDiagnoser]
public class ReaderBenchmarks
{
    private const int Tokens = 1_000;

    private readonly Recording _recording = Recording.ChatStream;
    private readonly byte[] _token = Recording.ChatStream.Token;
    private readonly byte[] _longChat = Recording.LongChat(2_000);
    private readonly byte[] _framed = FramedTokens();
    private readonly byte[] _event = Recording.OpenAiStream.Token;
    private IResponseReader _running = NewReader();
    private IResponseReader _runningEvents = NewEventReader();

    /// <summary>The bytes read by an operation, for the MB/s in the table.</summary>
    public static long BytesOf(string method) => method switch
    {
        nameof(Response_reader_in_a_stream) => Recording.ChatStream.Token.Length,
        nameof(Event_reader_in_a_stream) => Recording.OpenAiStream.Token.Length,
        nameof(Response_reader_from_head_to_facts) => Recording.ChatStream.ResponseChunks.Sum(chunk => chunk.Length),
        nameof(Request_reader_small) => Recording.ChatStream.RequestBody.Length,
        nameof(Request_reader_long_history) => Recording.LongChat(2_000).Length,
        nameof(Chunk_scanner) => FramedTokens().Length / Tokens,
        _ => 0,
    };

    /// <summary>A long stream, in which the text that a reader keeps has reached its limit.</summary>
    [GlobalSetup(Target = nameof(Response_reader_in_a_stream))]
    public void BeginStream()
    {
        _running = NewReader();
        for (var index = 0; index < 100 * Tokens; index++)
        {
            _running.Read(_token, index);
        }
    }

    [Benchmark(Description = "NDJSON reader, a chunk of a running stream", OperationsPerInvoke = Tokens)]
    public void Response_reader_in_a_stream()
    {
        for (var index = 0; index < Tokens; index++)
        {
            _running.Read(_token, index);
        }
    }

    /// <summary>The same for an event stream.</summary>
    [GlobalSetup(Target = nameof(Event_reader_in_a_stream))]
    public void BeginEvents()
    {
        _runningEvents = NewEventReader();
        for (var index = 0; index < 100 * Tokens; index++)
        {
            _runningEvents.Read(_event, index);
        }
    }

    [Benchmark(Description = "SSE reader, a chunk of a running stream", OperationsPerInvoke = Tokens)]
    public void Event_reader_in_a_stream()
    {
        for (var index = 0; index < Tokens; index++)
        {
            _runningEvents.Read(_event, index);
        }
    }

    [Benchmark(Description = "NDJSON reader, a whole recorded exchange")]
    public ResponseFacts Response_reader_from_head_to_facts()
    {
        var reader = NewReader();
        foreach (var chunk in _recording.ResponseChunks)
        {
            reader.Read(chunk, 1);
        }

        return reader.Complete(TimeProvider.System, ended: true);
    }

    [Benchmark(Description = "request reader, a recorded chat")]
    public RequestFacts Request_reader_small() => Read(_recording.RequestBody);

    [Benchmark(Description = "request reader, a history of 1 MB")]
    public RequestFacts Request_reader_long_history() => Read(_longChat);

    [Benchmark(Description = "chunk scanner, a chunk", OperationsPerInvoke = Tokens)]
    public int Chunk_scanner()
    {
        var scanner = default(ChunkScanner);
        var found = 0;
        for (var at = 0; at < _framed.Length && !scanner.Ended;)
        {
            at += scanner.Next(_framed.AsSpan(at), out var data);
            found += data;
        }

        return found;
    }

    private static IResponseReader NewReader() =>
        WireProtocols.Of(ApiEndpoint.Chat).CreateResponseReader(ApiEndpoint.Chat, new ResponseHead(200, "application/x-ndjson", 0))!;

    private static IResponseReader NewEventReader() =>
        WireProtocols.Of(ApiEndpoint.OpenAiChat).CreateResponseReader(ApiEndpoint.OpenAiChat, new ResponseHead(200, "text/event-stream", 0))!;

    private static RequestFacts Read(byte[] body)
    {
        var reader = WireProtocols.Of(ApiEndpoint.Chat).CreateRequestReader(ApiEndpoint.Chat, "application/json")!;
        reader.Read(body);
        return reader.Complete();
    }

    private static byte[] FramedTokens()
    {
        var token = Recording.ChatStream.Token;
        byte[] chunk = [.. System.Text.Encoding.ASCII.GetBytes(token.Length.ToString("x", System.Globalization.CultureInfo.InvariantCulture)), .. "\r\n"u8,
            .. token, .. "\r\n"u8];
        return [.. Enumerable.Repeat(chunk, Tokens).SelectMany(bytes => bytes), .. "0\r\n\r\n"u8];
    }
}
