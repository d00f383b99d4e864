using System.Security.Cryptography;
using System.Text;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// HttpClient insists on two header lines a client may not have sent: <c>Content-Length: 0</c> on a request without a body that names a
/// Content-Type (the ollama command line sends such), and <c>Host</c> on HTTP/1.0. A request that must not have them carries a mark, and the lines leave
/// with the mark when the head is written to the connection.
/// </summary>
internal static class RequestHead
{
    /// <summary>The mark's name is random for each process, so that no body can hold it by chance or by intent.</summary>
    public static string MarkName { get; } = "x-" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private const string WithoutLength = "length";
    private const string WithoutHost = "host";
    private const string WithoutBoth = "both";

    private static readonly byte[] s_mark = Encoding.ASCII.GetBytes("\r\n" + MarkName + ": ");

    /// <summary>The mark's value for what a request must not have; null when nothing is to be taken out.</summary>
    public static string? MarkFor(bool lacksLength, bool lacksHost) => (lacksLength, lacksHost) switch
    {
        (true, true) => WithoutBoth,
        (true, false) => WithoutLength,
        (false, true) => WithoutHost,
        _ => null,
    };

    /// <summary>True for the head of a request that carries the mark.</summary>
    public static bool IsMarked(ReadOnlySpan<byte> bytes) => bytes.Length > s_mark.Length && bytes[0] is >= (byte)'!' and <= (byte)'~' && bytes.IndexOf(s_mark) >= 0;

    /// <summary>The head without the mark and without the lines it names.</summary>
    public static byte[] Clean(ReadOnlySpan<byte> head)
    {
        var text = Encoding.Latin1.GetString(head);
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        var lines = text[..end].Split("\r\n");
        var what = lines.First(line => line.StartsWith(MarkName, StringComparison.Ordinal))[(MarkName.Length + 2)..];
        var kept = lines.Where(line =>
            !line.StartsWith(MarkName, StringComparison.Ordinal)
            && !(what is WithoutLength or WithoutBoth && line == "Content-Length: 0")
            && !(what is WithoutHost or WithoutBoth && line.StartsWith("Host: ", StringComparison.Ordinal)));
        return Encoding.Latin1.GetBytes(string.Join("\r\n", kept) + text[end..]);
    }
}
