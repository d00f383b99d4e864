using System.Buffers;
using System.Text;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>Bytes that grow as needed up to a bound; what no longer fits is counted and left out.</summary>
internal sealed class ByteBuffer(int capacity)
{
    private byte[] _bytes = [];

    public int Count { get; private set; }

    /// <summary>Bytes offered, kept or not.</summary>
    public long Length { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Count);

    public void Clear()
    {
        Count = 0;
        Length = 0;
    }

    public void Append(ReadOnlySpan<byte> bytes) => Append(bytes, bytes.Length);

    /// <param name="bytes">What is there of a text.</param>
    /// <param name="length">The bytes of the whole text, of which more may have been left out before.</param>
    public void Append(ReadOnlySpan<byte> bytes, long length)
    {
        Length += length;
        var kept = Math.Min(bytes.Length, capacity - Count);
        if (kept <= 0)
        {
            return;
        }

        if (Count + kept > _bytes.Length)
        {
            Array.Resize(ref _bytes, Math.Min(capacity, Math.Max(Count + kept, Math.Max(256, _bytes.Length * 2))));
        }

        bytes[..kept].CopyTo(_bytes.AsSpan(Count));
        Count += kept;
    }

    public void Append(byte value) => Append(new ReadOnlySpan<byte>(in value));

    /// <summary>The text; what is no UTF-8 becomes U+FFFD, as in Go, and half a character at the bound goes.</summary>
    public override string ToString() => TextOf(Span, isCut: Length > Count);

    /// <summary>Bytes as text; with <paramref name="isCut"/>, a character that the cut left incomplete at the end goes.</summary>
    public static string TextOf(ReadOnlySpan<byte> utf8, bool isCut)
    {
        if (isCut && Rune.DecodeLastFromUtf8(utf8, out _, out var length) == OperationStatus.InvalidData && length < 4)
        {
            utf8 = WithoutHalfRune(utf8);
        }

        return Encoding.UTF8.GetString(utf8);
    }

    private static ReadOnlySpan<byte> WithoutHalfRune(ReadOnlySpan<byte> utf8)
    {
        var end = utf8.Length;
        while (end > 0 && utf8.Length - end < 3 && (utf8[end - 1] & 0xC0) == 0x80)
        {
            end--;
        }

        return end > 0 && utf8[end - 1] >= 0xC0 ? utf8[..(end - 1)] : utf8;
    }
}
