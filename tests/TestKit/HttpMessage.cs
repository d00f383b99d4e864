using System.Globalization;
using System.Text;

namespace OllamaProxy.TestKit;

/// <summary>An HTTP message split into its parts for comparison; the bytes are unchanged.</summary>
internal sealed record HttpMessage
{
    /// <summary>The request line or the status line; empty if the bytes are not HTTP.</summary>
    public required string StartLine { get; init; }

    /// <summary>The header lines in order, with names as sent.</summary>
    public required IReadOnlyList<(string Name, string Value)> Headers { get; init; }

    /// <summary>The data of the body, without framing.</summary>
    public required byte[] Body { get; init; }

    /// <summary>The data of each chunk; empty if the body is not chunked.</summary>
    public required IReadOnlyList<byte[]> Chunks { get; init; }

    /// <summary>The bytes after the head, with framing.</summary>
    public required byte[] RawBody { get; init; }

    public required bool IsChunked { get; init; }

    /// <summary>True if a chunked body ended with its last chunk, or a body with a Content-Length has that length.</summary>
    public required bool IsWhole { get; init; }

    public int Status => int.Parse(StartLine.Split(' ')[1], CultureInfo.InvariantCulture);

    public string? Header(string name) =>
        Headers.Where(header => header.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(header => header.Value).FirstOrDefault();

    /// <param name="bytes">The whole message.</param>
    /// <param name="hasBody">False for the response to HEAD.</param>
    public static HttpMessage Parse(byte[] bytes, bool hasBody = true)
    {
        var end = bytes.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            return new HttpMessage { StartLine = "", Headers = [], Body = bytes, Chunks = [], RawBody = bytes, IsChunked = false, IsWhole = false };
        }

        var lines = Encoding.Latin1.GetString(bytes.AsSpan(0, end)).Split("\r\n");
        var headers = lines.Skip(1).Select(
            line => (line[..line.IndexOf(':', StringComparison.Ordinal)], line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim())).ToArray();
        var raw = bytes[(end + 4)..];
        var isChunked = hasBody
            && headers.Any(header => header.Item1.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)
            && header.Item2.Contains("chunked", StringComparison.OrdinalIgnoreCase));
        var chunks = isChunked ? ChunksOf(raw, out var ended) : NoChunks(out ended);
        var length = headers.Where(header => header.Item1.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)).Select(header => header.Item2)
            .FirstOrDefault();
        return new HttpMessage
        {
            StartLine = lines[0],
            Headers = headers,
            RawBody = raw,
            Chunks = chunks,
            IsChunked = isChunked,
            Body = isChunked ? [.. chunks.SelectMany(chunk => chunk)] : raw,
            IsWhole = isChunked ? ended : length is null || !hasBody || raw.Length == long.Parse(length, CultureInfo.InvariantCulture),
        };
    }

    private static List<byte[]> NoChunks(out bool ended)
    {
        ended = false;
        return [];
    }

    private static List<byte[]> ChunksOf(byte[] raw, out bool ended)
    {
        List<byte[]> chunks = [];
        ended = false;
        for (var at = 0; at < raw.Length;)
        {
            var line = raw.AsSpan(at).IndexOf("\r\n"u8);
            if (line < 0
                || !int.TryParse(Encoding.ASCII.GetString(raw.AsSpan(at, line)).Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture,
                out var size))
            {
                break;
            }

            at += line + 2;
            if (size == 0)
            {
                ended = raw.AsSpan(at).StartsWith("\r\n"u8) || raw.AsSpan(at).IndexOf("\r\n\r\n"u8) >= 0;
                break;
            }

            chunks.Add(raw[at..Math.Min(raw.Length, at + size)]);
            at += size + 2;
        }

        return chunks;
    }
}
