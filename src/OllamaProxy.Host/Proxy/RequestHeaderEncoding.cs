using System.Buffers;
using System.Text;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Decodes header values byte by byte (Latin-1), so nothing is lost. Three names need more. Kestrel would accept an invalid length, close the connection
/// without a response, or drop the options of a Connection header that it does not know.
/// </summary>
internal sealed class RequestHeaderEncoding : Encoding
{
    /// <summary>
    /// Stands for the comma in a Connection header with several options; no byte decodes to it. Kestrel replaces such a header by the one option it knows, so
    /// it gets one that it does not know. Ollama gets all options, and its response says whether the connection closes.
    /// </summary>
    private const char HiddenComma = '\uFFFF';

    /// <summary>Stand for the letters of the option "upgrade", for which Kestrel would refuse a body and drop other options.</summary>
    private const char HiddenSmallU = '\uFFFE';
    private const char HiddenCapitalU = '\uFFFD';
    private const int MaxDigits = 19;

    private static readonly SearchValues<char> s_hidden = SearchValues.Create(HiddenComma, HiddenSmallU, HiddenCapitalU);
    private static readonly RequestHeaderEncoding s_length = new(isLength: true);
    private static readonly RequestHeaderEncoding s_options = new(isLength: false);

    private readonly bool _isLength;

    private RequestHeaderEncoding(bool isLength) => _isLength = isLength;

    public static Encoding Of(string name) => name switch
    {
        "Content-Length" => s_length,
        "Connection" => s_options,
        // Kestrel adds this name to a request with a length and chunks, and fails when it is already there. The exception becomes 400.
        _ when name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase) => throw new InvalidOperationException("The name is reserved."),
        _ => Latin1,
    };

    /// <summary>Returns a value as the client sent it.</summary>
    public static string Restore(string value) =>
        value.AsSpan().ContainsAny(s_hidden) ? value.Replace(HiddenComma, ',').Replace(HiddenSmallU, 'u').Replace(HiddenCapitalU, 'U') : value;

    /// <summary>An invalid length becomes a letter, which Kestrel answers with 400. It would accept "+2", and has room for 20 characters.</summary>
    public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
    {
        if (_isLength && (bytes.Length is 0 or > MaxDigits || bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9')))
        {
            chars[0] = 'x';
            return 1;
        }

        var length = Latin1.GetChars(bytes, chars);
        if (!_isLength)
        {
            chars[..length].Replace(',', HiddenComma);
            chars[..length].Replace('u', HiddenSmallU);
            chars[..length].Replace('U', HiddenCapitalU);
        }

        return length;
    }

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
        GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

    public override int GetCharCount(byte[] bytes, int index, int count) => GetMaxCharCount(count);

    public override int GetMaxCharCount(int byteCount) => _isLength ? Math.Max(1, byteCount) : byteCount;

    public override int GetByteCount(char[] chars, int index, int count) => count;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
        Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

    public override int GetMaxByteCount(int charCount) => charCount;
}
