using System.Text;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>Decodes an escape sequence of a JSON string, cut anywhere. A surrogate pair becomes one character, an unpaired one U+FFFD as in Go.</summary>
internal struct JsonEscape
{
    private bool _isOpen;
    private int _digits;
    private int _code;
    private char _high;

    /// <summary>True inside an escape sequence.</summary>
    public readonly bool IsOpen => _isOpen;

    /// <summary>True after the first half of a surrogate pair.</summary>
    public readonly bool IsPending => _high != 0;

    public void Open()
    {
        _isOpen = true;
        _digits = -1;
        _code = 0;
    }

    /// <summary>Reads the next byte of the sequence; false when it is invalid.</summary>
    public bool Read(byte value, ByteBuffer text)
    {
        if (_digits >= 0)
        {
            return ReadDigit(value, text);
        }

        if (value == 'u')
        {
            _digits = 0;
            return true;
        }

        var plain = value switch
        {
            (byte)'"' or (byte)'\\' or (byte)'/' => value,
            (byte)'b' => (byte)'\b',
            (byte)'f' => (byte)'\f',
            (byte)'n' => (byte)'\n',
            (byte)'r' => (byte)'\r',
            (byte)'t' => (byte)'\t',
            _ => (byte)0,
        };
        Flush(text);
        text.Append(plain);
        _isOpen = false;
        return plain != 0;
    }

    /// <summary>Ends a pair whose second half did not follow.</summary>
    public void Flush(ByteBuffer text)
    {
        if (_high != 0)
        {
            _high = '\0';
            Append(Rune.ReplacementChar, text);
        }
    }

    private bool ReadDigit(byte value, ByteBuffer text)
    {
        var digit = value switch
        {
            >= (byte)'0' and <= (byte)'9' => value - '0',
            >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
            >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
            _ => -1,
        };
        if (digit < 0)
        {
            return false;
        }

        _code = (_code << 4) | digit;
        if (++_digits == 4)
        {
            _isOpen = false;
            EndCode((char)_code, text);
        }

        return true;
    }

    private void EndCode(char code, ByteBuffer text)
    {
        if (_high != 0 && char.IsLowSurrogate(code))
        {
            var rune = new Rune(_high, code);
            _high = '\0';
            Append(rune, text);
            return;
        }

        Flush(text);
        if (char.IsHighSurrogate(code))
        {
            _high = code;
        }
        else
        {
            Append(char.IsLowSurrogate(code) ? Rune.ReplacementChar : new Rune(code), text);
        }
    }

    private static void Append(Rune rune, ByteBuffer text)
    {
        Span<byte> utf8 = stackalloc byte[4];
        text.Append(utf8[..rune.EncodeToUtf8(utf8)]);
    }
}
