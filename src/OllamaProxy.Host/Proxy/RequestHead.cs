using System.Globalization;
using System.Text;

namespace OllamaProxy.Host.Proxy;

/// <summary>What <see cref="FramingStream"/> is told about a request, through the request's own head.</summary>
[Flags]
internal enum RequestHeadMark
{
    None = 0,

    /// <summary>The client sent no Content-Length, and none may be added.</summary>
    WithoutLength = 1,

    /// <summary>The client sent no Host, and none may be added.</summary>
    WithoutHost = 2,

    /// <summary>The method is HEAD: the answer has no body.</summary>
    IsHead = 4,

    /// <summary>The method, or further lines of a header, go under names that HttpClient does not know, because it would change or join them.</summary>
    HasStrangeNames = 8,
}

/// <summary>
/// HttpClient insists on two header lines a client may not have sent: <c>Content-Length: 0</c> on a request without a body that names a
/// Content-Type (the ollama command line sends such), and <c>Host</c> on HTTP/1.0; it joins the lines of a repeated header, and writes a method in capitals.
/// A request that must not have this carries a mark, and when the head is written to the connection, the mark leaves and with it what HttpClient did.
/// </summary>
internal static class RequestHead
{
    /// <summary>
    /// The mark's name is random for each process, so that no body can hold it by chance or by intent. A GUID comes from the system's source of random numbers
    /// as well, and not from OpenSSL, which a small container image has not.
    /// </summary>
    public static string MarkName { get; } = $"x-{Guid.NewGuid():N}";

    private static readonly byte[] s_mark = Encoding.ASCII.GetBytes("\r\n" + MarkName + ": ");

    /// <summary>The name under which a method passes HttpClient unchanged: it writes a known one in capitals.</summary>
    public static string NameOfMethod(string method) => method + MarkName;

    /// <summary>The mark's value.</summary>
    public static string ValueOf(RequestHeadMark mark) => ((int)mark).ToString(CultureInfo.InvariantCulture);

    /// <summary>The name under which the second and further lines of a header pass HttpClient unjoined.</summary>
    public static string NameOfRepeat(string name, int line) => $"{name}{MarkName}{line.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>True for the head of a request that carries the mark.</summary>
    public static bool IsMarked(ReadOnlySpan<byte> bytes) => bytes.Length > s_mark.Length && bytes[0] is >= (byte)'!' and <= (byte)'~' && bytes.IndexOf(s_mark) >= 0;

    /// <summary>The head without the mark and without what it names; what was written with it follows unchanged.</summary>
    public static byte[] Clean(ReadOnlySpan<byte> written, out bool isHead)
    {
        var end = written.IndexOf("\r\n\r\n"u8);
        var lines = Encoding.Latin1.GetString(written[..end]).Split("\r\n");
        var mark = (RequestHeadMark)int.Parse(lines.First(IsMark).AsSpan(MarkName.Length + 2), NumberStyles.None, CultureInfo.InvariantCulture);
        isHead = mark.HasFlag(RequestHeadMark.IsHead);
        var kept = lines.Where(line =>
            !IsMark(line)
            && !(mark.HasFlag(RequestHeadMark.WithoutLength) && line == "Content-Length: 0")
            && !(mark.HasFlag(RequestHeadMark.WithoutHost) && line.StartsWith("Host: ", StringComparison.Ordinal)));
        if (mark.HasFlag(RequestHeadMark.HasStrangeNames))
        {
            kept = kept.Select(WithOwnName);
        }

        return [.. Encoding.Latin1.GetBytes(string.Join("\r\n", kept)), .. written[end..]];
    }

    private static string WithOwnName(string line)
    {
        var at = line.IndexOf(MarkName, StringComparison.Ordinal);
        return at < 0 ? line : string.Concat(line.AsSpan(0, at), line.AsSpan(at + MarkName.Length).TrimStart("0123456789"));
    }

    private static bool IsMark(string line) => line.StartsWith(MarkName, StringComparison.Ordinal);
}
