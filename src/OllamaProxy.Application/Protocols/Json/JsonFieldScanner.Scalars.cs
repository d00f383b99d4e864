using System.Buffers;

namespace OllamaProxy.Application.Protocols.Json;

/// <summary>Scans strings, literals and keys, and skips other values.</summary>
internal sealed partial class JsonFieldScanner
{
    private static readonly SearchValues<byte> s_stringEnds = SearchValues.Create("\"\\"u8);

    private void BeginText(bool isKey, bool isCaptured)
    {
        if (!isCaptured)
        {
            _skip = JsonSkip.Text();
            _state = State.Skip;
            return;
        }

        _textIsKey = isKey;
        _scratch.Clear();
        _escape = default;
        _state = State.Text;
    }

    private int ReadText(ReadOnlySpan<byte> bytes)
    {
        if (_escape.IsOpen)
        {
            return _escape.Read(bytes[0], _scratch) ? 1 : Break();
        }

        var end = bytes.IndexOfAny(s_stringEnds);
        if (end < 0)
        {
            _escape.Flush(_scratch);
            _scratch.Append(bytes);
            return bytes.Length;
        }

        if (bytes[end] == '"' && _scratch.Length == 0 && !_escape.IsPending)
        {
            // The whole text in one span without an escape: no copy is needed.
            EndText(bytes[..end], end);
            return end + 1;
        }

        if (end > 0)
        {
            _escape.Flush(_scratch);
            _scratch.Append(bytes[..end]);
        }

        if (bytes[end] == '\\')
        {
            _escape.Open();
        }
        else
        {
            _escape.Flush(_scratch);
            EndText(_scratch.Span, _scratch.Length);
        }

        return end + 1;
    }

    private void EndText(ReadOnlySpan<byte> text, long length)
    {
        if (_textIsKey)
        {
            _node = length > text.Length ? JsonFields.None : fields.Member(_nodes[_depth - 1], text);
            _state = State.Colon;
            return;
        }

        HasFields = true;
        sink.Text(fields.FieldOf(_node), text[..Math.Min(text.Length, MaxText)], length);
        EndValue();
    }

    private int Skip(ReadOnlySpan<byte> bytes)
    {
        var passed = _skip.Read(bytes);
        if (_skip.HasEnded)
        {
            EndValue();
        }

        return passed;
    }

    private int ReadToken(ReadOnlySpan<byte> bytes)
    {
        var length = 0;
        while (length < bytes.Length && bytes[length] is (>= (byte)'0' and <= (byte)'9') or (>= (byte)'a' and <= (byte)'z') or (byte)'E' or (byte)'+'
            or (byte)'-' or (byte)'.')
        {
            length++;
        }

        _scratch.Append(bytes[..length]);
        if (length == bytes.Length)
        {
            return length;
        }

        EndToken();
        // The byte after a token belongs to the next state; handle it there, because each step must consume at least one byte.
        return length == 0 ? Step(bytes) : length;
    }

    private void EndToken()
    {
        if (!JsonNumber.IsToken(_scratch.Span))
        {
            Break();
            return;
        }

        if (_isCaptured)
        {
            HasFields = true;
            sink.Literal(fields.FieldOf(_node), _scratch.Span);
        }

        EndValue();
    }
}
