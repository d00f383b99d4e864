using System.Buffers;
using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>A growing buffer with a limit; bytes beyond the limit are counted and dropped.</summary>
internal sealed class ByteBuffer(int capacity)
{
    /// <summary>The longest UTF-8 character in bytes.</summary>
    private const int MaxRune = 4;

    private byte[] _bytes = [];

    public int Count { get; private set; }

    /// <summary>Bytes appended, kept or not.</summary>
    public long Length { get; private set; }

    public ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Count);

    public void Clear()
    {
        Count = 0;
        Length = 0;
    }

    public void Append(ReadOnlySpan<byte> bytes) => Append(bytes, bytes.Length);

    /// <param name="bytes">The available bytes of a text.</param>
    /// <param name="length">The length of the whole text, of which parts may have been dropped before.</param>
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

    /// <summary>The text; invalid UTF-8 becomes U+FFFD as in Go, and a character cut by the limit is removed.</summary>
    public override string ToString() => TextOf(Span, isCut: Length > Count);

    /// <summary>Converts bytes to text; with <paramref name="isCut"/>, removes a possibly incomplete last character.</summary>
    public static string TextOf(ReadOnlySpan<byte> utf8, bool isCut) =>
        isCut ? TextCut.WithoutTornEnd(Encoding.UTF8.GetString(WithoutHalfRune(utf8))) : Encoding.UTF8.GetString(utf8);

    /// <summary>Removes an incomplete character at the end.</summary>
    private static ReadOnlySpan<byte> WithoutHalfRune(ReadOnlySpan<byte> utf8)
    {
        var lead = utf8.Length - 1;
        while (lead > 0 && utf8.Length - lead < MaxRune && (utf8[lead] & 0xC0) == 0x80)
        {
            lead--;
        }

        return lead >= 0 && Rune.DecodeFromUtf8(utf8[lead..], out _, out _) == OperationStatus.NeedMoreData ? utf8[..lead] : utf8;
    }
}
