using System.Text;

namespace OllamaProxy.Host.Upstream;

/// <summary>Shared strings for the header names and values of nearly every response, so parsing allocates none for them.</summary>
internal static class HeaderNames
{
    public const string Connection = "Connection";
    public const string ContentLength = "Content-Length";
    public const string TransferEncoding = "Transfer-Encoding";

    private static readonly (string Text, byte[] Bytes)[] s_names = WithBytes(TransferEncoding, ContentLength, Connection, "Content-Type", "Date");

    private static readonly (string Text, byte[] Bytes)[] s_values = WithBytes(
        "chunked", "application/x-ndjson", "application/json; charset=utf-8", "application/json", "text/event-stream", "keep-alive", "close");

    /// <summary>The name. Those that decide about framing are always the constants here, in any case of their letters.</summary>
    public static string Of(ReadOnlySpan<byte> name)
    {
        foreach (var (text, bytes) in s_names)
        {
            if (bytes.Length == name.Length && Ascii.EqualsIgnoreCase(name, bytes))
            {
                return text;
            }
        }

        return Encoding.Latin1.GetString(name);
    }

    public static string ValueOf(ReadOnlySpan<byte> value)
    {
        foreach (var (text, bytes) in s_values)
        {
            if (value.SequenceEqual(bytes))
            {
                return text;
            }
        }

        return Encoding.Latin1.GetString(value);
    }

    private static (string Text, byte[] Bytes)[] WithBytes(params string[] texts) => [.. texts.Select(static text => (text, Encoding.ASCII.GetBytes(text)))];
}
