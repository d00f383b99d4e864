using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace OllamaProxy.Bench.Wire;

/// <summary>
/// The lines of a stream as Ollama writes them, each in its own chunk. The text of a token is its time of sending; the last line has the checksum
/// of all lines before it. Token lines all have one length, so that the size reveals a merged or split chunk.
/// </summary>
internal static class TokenLine
{
    private const string Start = """{"model":"llama3.2:3b","created_at":"2026-11-24T10:00:00.123456789Z","message":{"role":"assistant","content":""";
    private const string End = "\"},\"done\":false}\n";
    private const int TimeLength = 16;

    /// <summary>The offset of the text. Its first byte is a space in a token line and a quote in the last line.</summary>
    private static readonly int s_textOffset = Start.Length + 1;

    /// <summary>The length of a token's line in bytes.</summary>
    public static int Length { get; } = s_textOffset + 1 + TimeLength + End.Length;

    private static readonly byte[] s_crc = "\"crc\":\""u8.ToArray();
    private static readonly string s_sizeLine = string.Create(CultureInfo.InvariantCulture, $"{Length:x}\r\n");

    /// <summary>A token's chunk, with its framing, to be stamped by <see cref="Stamp"/>.</summary>
    public static byte[] NewChunk() => Encoding.ASCII.GetBytes($"{s_sizeLine}{Start}\" {new string('0', TimeLength)}{End}\r\n");

    /// <summary>The line inside its chunk.</summary>
    public static Span<byte> LineOf(Span<byte> chunk) => chunk.Slice(s_sizeLine.Length, Length);

    /// <summary>Writes the time into a line.</summary>
    public static void Stamp(Span<byte> line, long time) =>
        Utf8Formatter.TryFormat(time, line[(s_textOffset + 1)..], out _, new System.Buffers.StandardFormat('X', TimeLength));

    /// <summary>The time at which a token's line was sent; null for any other line.</summary>
    public static long? TimeOf(ReadOnlySpan<byte> line) =>
        line.Length == Length && line[s_textOffset] == ' ' && Utf8Parser.TryParse(line.Slice(s_textOffset + 1, TimeLength), out long time, out _, 'X')
            ? time
            : null;

    /// <summary>The chunk of the last line, and the end of the body.</summary>
    public static byte[] LastChunk(int tokens, uint crc)
    {
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"{Start}\"\"}},\"done_reason\":\"stop\",\"done\":true,\"total_duration\":4883583458,\"load_duration\":1334875,"
            + $"\"prompt_eval_count\":26,\"prompt_eval_duration\":342546000,\"eval_count\":{tokens},\"eval_duration\":4535599000,\"crc\":\"{crc:x8}\"}}\n");
        return Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{line.Length:x}\r\n{line}\r\n0\r\n\r\n"));
    }

    /// <summary>The checksum in the last line; null for any other line.</summary>
    public static uint? CrcOf(ReadOnlySpan<byte> line)
    {
        var at = line.IndexOf(s_crc);
        return at >= 0 && Utf8Parser.TryParse(line.Slice(at + s_crc.Length, 8), out uint crc, out _, 'x') ? crc : null;
    }
}
