using System.Net.Sockets;
using System.Text;
using OllamaProxy.TestKit;

namespace OllamaProxy.SlowTests;

/// <summary>An upstream with exact timing: a stream of native lines, one chunk each, with a pause before each.</summary>
internal static class ScriptedStream
{
    private const string Head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n";

    /// <param name="pauses">The pause before each line; the last line, which ends the stream, follows at once.</param>
    public static RawUpstream Of(IReadOnlyList<TimeSpan> pauses) => new(async (connection, _) =>
    {
        await connection.WriteAsync(Encoding.ASCII.GetBytes(Head));
        for (var number = 0; number < pauses.Count; number++)
        {
            // The test needs real time.
            await Task.Delay(pauses[number], TestContext.Current.CancellationToken);
            await WriteAsync(connection, $$"""{"model":"m","response":"{{number}} ","done":false}""");
        }

        await WriteAsync(connection, $$"""{"model":"m","response":"","done":true,"done_reason":"stop","eval_count":{{pauses.Count}}}""");
        await connection.WriteAsync("0\r\n\r\n"u8.ToArray());
        return true;
    });

    /// <summary>The lines that <see cref="Of"/> sends for a number of pauses.</summary>
    public static IEnumerable<string> Texts(int count) => Enumerable.Range(0, count).Select(number => $"\"response\":\"{number} \"");

    private static async Task WriteAsync(NetworkStream connection, string line) =>
        await connection.WriteAsync(Encoding.ASCII.GetBytes($"{line.Length + 1:x}\r\n{line}\n\r\n"));
}
