using System.Buffers;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>
/// Skips a string, object or array, cut anywhere and of any depth. Only brackets are counted and strings skipped, so megabytes of images or embeddings cost a
/// search for the next quote or bracket.
/// </summary>
internal struct JsonSkip
{
    private static readonly SearchValues<byte> s_textEnds = SearchValues.Create("\"\\"u8);
    private static readonly SearchValues<byte> s_brackets = SearchValues.Create("\"{}[]"u8);

    private long _depth;
    private bool _isInText;
    private bool _isEscaped;

    /// <summary>True when the value has ended.</summary>
    public readonly bool HasEnded => _depth == 0 && !_isInText;

    /// <summary>An object or array after its opening bracket.</summary>
    public static JsonSkip Container() => new() { _depth = 1 };

    /// <summary>A string after its opening quote.</summary>
    public static JsonSkip Text() => new() { _isInText = true };

    /// <summary>Skips at least one byte.</summary>
    public int Read(ReadOnlySpan<byte> bytes) => _isInText ? ReadText(bytes) : ReadContainer(bytes);

    private int ReadText(ReadOnlySpan<byte> bytes)
    {
        if (_isEscaped)
        {
            _isEscaped = false;
            return 1;
        }

        var next = bytes.IndexOfAny(s_textEnds);
        if (next < 0)
        {
            return bytes.Length;
        }

        _isEscaped = bytes[next] == '\\';
        _isInText = _isEscaped;
        return next + 1;
    }

    private int ReadContainer(ReadOnlySpan<byte> bytes)
    {
        var next = bytes.IndexOfAny(s_brackets);
        if (next < 0)
        {
            return bytes.Length;
        }

        switch (bytes[next])
        {
            case (byte)'"':
                _isInText = true;
                break;
            case (byte)'{' or (byte)'[':
                _depth++;
                break;
            default:
                _depth--;
                break;
        }

        return next + 1;
    }
}
