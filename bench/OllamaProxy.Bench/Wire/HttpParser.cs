using System.Buffers.Text;
using System.Text;

namespace OllamaProxy.Bench.Wire;

/// <summary>Receives the parts of a message as they are parsed.</summary>
internal interface IMessageSink
{
    void Head(ReadOnlySpan<byte> head);

    void Data(ReadOnlySpan<byte> data);

    /// <summary>A chunk of a chunked body is complete.</summary>
    void ChunkEnd();

    void MessageEnd();
}

/// <summary>The part of HTTP/1.1 that the bench needs: heads, bodies with a length, chunked bodies, and responses that end with their connection.</summary>
internal sealed class HttpParser(IMessageSink sink, bool isResponse)
{
    private enum State
    {
        Head,
        Length,
        UntilClose,
        ChunkSize,
        ChunkExtension,
        ChunkData,
        ChunkLineEnd,
        Trailers,
    }

    private byte[] _carry = [];
    private State _state;
    private long _remaining;
    private int _trailerLine;

    /// <summary>True between two messages.</summary>
    public bool IsIdle => _state == State.Head && _carry.Length == 0;

    public void Feed(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = _state switch
            {
                State.Head => Head(bytes),
                State.Length or State.UntilClose or State.ChunkData => Data(bytes),
                _ => Framing(bytes),
            };
        }
    }

    /// <summary>Handles the end of the connection; false if it came in the middle of a message.</summary>
    public bool End()
    {
        if (_state == State.UntilClose)
        {
            _state = State.Head;
            sink.MessageEnd();
            return true;
        }

        return IsIdle;
    }

    private ReadOnlySpan<byte> Head(ReadOnlySpan<byte> bytes)
    {
        if (_carry.Length > 0)
        {
            // Incomplete heads are rare, so the buffered bytes are parsed again each time.
            byte[] whole = [.. _carry, .. bytes];
            _carry = [];
            return Head(whole);
        }

        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            _carry = bytes.ToArray();
            return default;
        }

        var head = bytes[..(end + 4)];
        BeginBody(head);
        return bytes[(end + 4)..];
    }

    private void BeginBody(ReadOnlySpan<byte> head)
    {
        var hasLength = Utf8Parser.TryParse(ValueOf(head, "Content-Length"u8), out long length, out _);
        var isEmpty = isResponse ? hasLength && length == 0 : !hasLength || length == 0;
        (_state, _remaining) =
            ValueOf(head, "Transfer-Encoding"u8).SequenceEqual("chunked"u8) ? (State.ChunkSize, 0) :
            isEmpty ? (State.Head, 0L) :
            hasLength ? (State.Length, length) :
            (State.UntilClose, long.MaxValue);
        var isComplete = _state == State.Head;
        sink.Head(head);
        if (isComplete)
        {
            sink.MessageEnd();
        }
    }

    private ReadOnlySpan<byte> Data(ReadOnlySpan<byte> bytes)
    {
        var length = (int)Math.Min(bytes.Length, _remaining);
        _remaining -= length;
        sink.Data(bytes[..length]);
        if (_remaining == 0)
        {
            if (_state == State.ChunkData)
            {
                _state = State.ChunkLineEnd;
            }
            else
            {
                _state = State.Head;
                sink.MessageEnd();
            }
        }

        return bytes[length..];
    }

    private ReadOnlySpan<byte> Framing(ReadOnlySpan<byte> bytes)
    {
        var value = bytes[0];
        switch (_state)
        {
            case State.ChunkSize when value is (byte)'\n':
            case State.ChunkExtension when value is (byte)'\n':
                (_state, _trailerLine) = (_remaining == 0 ? State.Trailers : State.ChunkData, 0);
                break;
            case State.ChunkSize when HexDigit(value) is >= 0 and var digit:
                _remaining = _remaining * 16 + digit;
                break;
            case State.ChunkSize:
                _state = State.ChunkExtension;
                break;
            case State.ChunkLineEnd when value is (byte)'\n':
                (_state, _remaining) = (State.ChunkSize, 0);
                sink.ChunkEnd();
                break;
            case State.Trailers when value is (byte)'\n' && _trailerLine == 0:
                _state = State.Head;
                sink.MessageEnd();
                break;
            case State.Trailers:
                _trailerLine = value is (byte)'\n' ? 0 : value is (byte)'\r' ? _trailerLine : _trailerLine + 1;
                break;
        }

        return bytes[1..];
    }

    /// <summary>The value of a header; empty if it is missing. The case of names does not matter, because proxies may change it.</summary>
    public static ReadOnlySpan<byte> ValueOf(ReadOnlySpan<byte> head, ReadOnlySpan<byte> name)
    {
        while (true)
        {
            var line = head.IndexOf((byte)'\n');
            if (line < 0)
            {
                return default;
            }

            head = head[(line + 1)..];
            if (head.Length > name.Length && head[name.Length] == ':' && Ascii.EqualsIgnoreCase(head[..name.Length], name))
            {
                var value = head[(name.Length + 1)..];
                return value[..value.IndexOfAny((byte)'\r', (byte)'\n')].Trim((byte)' ');
            }
        }
    }

    private static int HexDigit(byte value) => value switch
    {
        >= (byte)'0' and <= (byte)'9' => value - '0',
        >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
        _ => -1,
    };
}
