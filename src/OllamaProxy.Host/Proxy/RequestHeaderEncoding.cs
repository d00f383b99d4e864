using System.Text;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// How the server turns header values into text: byte by byte (Latin-1), so that nothing is lost. Two names need more than that, because the server otherwise
/// accepts a length that is none, or drops the connection without an answer.
/// </summary>
internal static class RequestHeaderEncoding
{
    private static readonly Encoding s_length = new LengthEncoding();

    public static Encoding Of(string name) => name switch
    {
        "Content-Length" => s_length,
        // The server adds this name itself to a request with a length and chunks, and fails when it is there already. This exception is answered with 400.
        _ when name.Equals("X-Content-Length", StringComparison.OrdinalIgnoreCase) => throw new InvalidOperationException("The name is reserved."),
        _ => Encoding.Latin1,
    };

    /// <summary>
    /// Digits pass; everything else becomes a letter, which the server answers with 400. It would take "+2" for a length, and has room for 20 characters.
    /// </summary>
    private sealed class LengthEncoding : Encoding
    {
        private const int MaxDigits = 19;

        public override int GetChars(ReadOnlySpan<byte> bytes, Span<char> chars)
        {
            if (bytes.Length is 0 or > MaxDigits || bytes.ContainsAnyExceptInRange((byte)'0', (byte)'9'))
            {
                chars[0] = 'x';
                return 1;
            }

            return Latin1.GetChars(bytes, chars);
        }

        public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex) =>
            GetChars(bytes.AsSpan(byteIndex, byteCount), chars.AsSpan(charIndex));

        public override int GetCharCount(byte[] bytes, int index, int count) => Math.Max(1, count);

        public override int GetMaxCharCount(int byteCount) => Math.Max(1, byteCount);

        public override int GetByteCount(char[] chars, int index, int count) => count;

        public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex) =>
            Latin1.GetBytes(chars, charIndex, charCount, bytes, byteIndex);

        public override int GetMaxByteCount(int charCount) => charCount;
    }
}
