namespace OllamaProxy.Host.Upstream;

/// <summary>
/// Finds the data and the end of a chunked body (RFC 9112, section 7.1), in spans that are cut anywhere. It is strict, because responses get mixed up when two
/// parsers see the end of a body in different places. It allocates nothing.
/// </summary>
internal struct ChunkScanner
{
    private enum State : byte
    {
        SizeStart,
        Size,
        Extension,
        SizeLineFeed,
        Data,
        DataEnd,
        DataLineFeed,
        TrailerStart,
        Trailer,
        TrailerLineFeed,
        EndLineFeed,
        Ended,
        Broken,
    }

    private State _state;
    private long _remaining;

    /// <summary>True after the last chunk and its trailers.</summary>
    public readonly bool Ended => _state == State.Ended;

    /// <summary>True after bytes that are no chunked body, whose end is then unknown.</summary>
    public readonly bool IsBroken => _state == State.Broken;

    /// <summary>True in the data of a chunk.</summary>
    public readonly bool IsInside => _state == State.Data;

    /// <summary>Advances to the end of the next run of chunk data, or to the end of the body or of the span.</summary>
    /// <param name="bytes">Framing and data.</param>
    /// <param name="data">The length of the run of data that ends at the returned position; 0 for none.</param>
    /// <returns>How many bytes were scanned, the run included. After a fault in the framing, all of them.</returns>
    public int Next(ReadOnlySpan<byte> bytes, out int data)
    {
        data = 0;
        var at = 0;
        while (at < bytes.Length && _state != State.Ended)
        {
            if (_state == State.Data)
            {
                data = (int)Math.Min(_remaining, bytes.Length - at);
                _remaining -= data;
                _state = _remaining == 0 ? State.DataEnd : State.Data;
                return at + data;
            }

            if (_state == State.Broken)
            {
                return bytes.Length;
            }

            Step(bytes[at++]);
        }

        return at;
    }

    private void Step(byte value)
    {
        switch (_state)
        {
            case State.SizeStart or State.Size when HexDigit(value) is >= 0 and var digit:
                _state = _remaining > long.MaxValue >> 4 ? State.Broken : State.Size;
                _remaining = (_remaining << 4) | (long)digit;
                break;
            case State.Size when value is (byte)';' or (byte)' ' or (byte)'\t':
                _state = State.Extension;
                break;
            case State.Size or State.Extension when value == '\r':
                _state = State.SizeLineFeed;
                break;
            case State.Extension when value != '\n':
            case State.Trailer when value is not ((byte)'\r' or (byte)'\n'):
                break;
            case State.SizeLineFeed when value == '\n':
                _state = _remaining == 0 ? State.TrailerStart : State.Data;
                break;
            case State.DataEnd when value == '\r':
                _state = State.DataLineFeed;
                break;
            case State.DataLineFeed when value == '\n':
                _state = State.SizeStart;
                break;
            case State.TrailerStart when value == '\r':
                _state = State.EndLineFeed;
                break;
            case State.TrailerStart when value != '\n':
                _state = State.Trailer;
                break;
            case State.Trailer when value == '\r':
                _state = State.TrailerLineFeed;
                break;
            case State.TrailerLineFeed when value == '\n':
                _state = State.TrailerStart;
                break;
            case State.EndLineFeed when value == '\n':
                _state = State.Ended;
                break;
            default:
                _state = State.Broken;
                break;
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
