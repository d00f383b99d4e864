using System.Text;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Upstream;

namespace OllamaProxy.MicroBenchmarks;

/// <summary>A recording of a real Ollama (tests/transcripts) as input for the readers.</summary>
internal sealed record Recording(byte[] RequestBody, byte[] FramedResponse, IReadOnlyList<byte[]> ResponseChunks)
{
    public static Recording ChatStream { get; } = Load("20-chat-stream");

    public static Recording OpenAiStream { get; } = Load("40-v1-chat-stream");

    public static string Root { get; } = FindRoot();

    /// <summary>The line of a token in the middle of the stream.</summary>
    public byte[] Token => ResponseChunks[ResponseChunks.Count / 2];

    private static Recording Load(string name)
    {
        var response = BodyOf(name, "response");
        List<byte[]> chunks = [];
        var scanner = default(ChunkScanner);
        for (var at = 0; at < response.Length && !scanner.Ended;)
        {
            at += scanner.Next(response.AsSpan(at), out var data);
            if (data > 0)
            {
                chunks.Add(response[(at - data)..at]);
            }
        }

        return new Recording(BodyOf(name, "request"), response, chunks);
    }

    private static byte[] BodyOf(string name, string part)
    {
        var bytes = File.ReadAllBytes(Path.Combine(FindRoot(), "tests", "transcripts", $"{name}.{part}.txt"));
        return bytes[(bytes.AsSpan().IndexOf("\r\n\r\n"u8) + 4)..];
    }

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "OllamaProxy.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new DirectoryNotFoundException("The benchmarks run outside the repository.");
    }

    /// <summary>A chat with a long history, as agents send it.</summary>
    public static byte[] LongChat(int messages)
    {
        var text = new StringBuilder("""{"model":"llama3.2:3b","messages":[""");
        for (var index = 0; index < messages; index++)
        {
            text.Append(index == 0 ? "" : ",")
                .Append("""{"role":"user","content":"Explain in two sentences why the sky is blue,\nand why it is \"red\" in the evening. """)
                .Append('x', 400).Append("\"}");
        }

        return Encoding.UTF8.GetBytes(text.Append("],\"stream\":true}").ToString());
    }
}
