using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace OllamaProxy.Bench.Wire;

/// <summary>The instructions of the load client for the upstream, in a header that every proxy forwards.</summary>
/// <param name="Id">Names a stream, so that the client can query its state; 0 for none.</param>
/// <param name="Tokens">The tokens of a stream; 0 for a response without streaming.</param>
/// <param name="Rate">Tokens/s; 0: as fast as they are read; below 0: as fast as the engine computes them.</param>
internal readonly record struct Instructions(int Id, int Tokens, int Rate)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Bench: {Id} {Tokens} {Rate}\r\n");

    public static Instructions Of(ReadOnlySpan<byte> head)
    {
        var value = HttpParser.ValueOf(head, "Bench"u8);
        Span<int> numbers = stackalloc int[3];
        numbers.Clear();
        for (var index = 0; index < numbers.Length && Utf8Parser.TryParse(value, out numbers[index], out var length); index++)
        {
            value = value[length..].TrimStart((byte)' ');
        }

        return new Instructions(numbers[0], numbers[1], numbers[2]);
    }

    /// <summary>A chat as a client sends it.</summary>
    public byte[] ToChat(int port)
    {
        var stream = Tokens > 0 ? "true" : "false";
        var body =
            $$$"""{"model":"llama3.2:3b","stream":{{{stream}}},"messages":[{"role":"system","content":"You are a helpful assistant."}"""
            + """,{"role":"user","content":"Explain in two sentences why the sky is blue, and why it is red in the evening."}]"""
            + ""","options":{"temperature":0.7,"num_ctx":4096}}""";
        return Encoding.ASCII.GetBytes(string.Create(
            CultureInfo.InvariantCulture,
            $"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: ollama-proxy-bench\r\nAccept: application/x-ndjson\r\n"
            + $"{this}Content-Type: application/json\r\nContent-Length: {body.Length}\r\n\r\n{body}"));
    }

    public static byte[] ToGet(int port, string path) =>
        Encoding.ASCII.GetBytes(
            string.Create(CultureInfo.InvariantCulture, $"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUser-Agent: ollama-proxy-bench\r\n\r\n"));
}
