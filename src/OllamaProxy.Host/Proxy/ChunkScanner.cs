namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Follows the framing of a chunked body (RFC 9112, section 7.1) over spans that are cut anywhere: where its data is, and where it ends.
/// Changes nothing and allocates nothing.
/// </summary>
internal struct ChunkScanner
{
    private enum State : byte
    {
        Size,
        Extension,
        SizeLineFeed,
        Data,
        DataEnd,
        DataEndLineFeed,
        TrailerStart,
        Trailer,
        EndLineFeed,
        Ended,
    }

    private State _state;
    private long _remaining;

    /// <summary>True after the last chunk and its trailers.</summary>
    public readonly bool Ended => _state == State.Ended;

    /// <summary>True where the data of a chunk goes on.</summary>
    public readonly bool IsInside => _state == State.Data;

    /// <summary>Moves on through <paramref name="bytes"/> to the end of the next run of chunk data, or to the end of the body or of the span.</summary>
    /// <param name="bytes">Framing and data.</param>
    /// <param name="data">A run of data; empty when the span holds no more.</param>
    /// <returns>How many bytes were passed, the run included.</returns>
    public int Next(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> data)
    {
        data = default;
        var at = 0;
        while (at < bytes.Length && _state != State.Ended)
        {
            if (_state == State.Data)
            {
                var length = (int)Math.Min(_remaining, bytes.Length - at);
                data = bytes.Slice(at, length);
                _remaining -= length;
                if (_remaining == 0)
                {
                    _state = State.DataEnd;
                }

                return at + length;
            }

            Step(bytes[at++]);
        }

        return at;
    }

    private void Step(byte value)
    {
        switch (_state)
        {
            case State.Size when HexDigit(value) is >= 0 and var digit:
                // A size beyond all sizes is the upstream's fault, which the client may see as it came: as data without end.
                _remaining = _remaining > long.MaxValue >> 4 ? long.MaxValue : (_remaining << 4) | (long)digit;
                break;
            case State.Size:
                _state = value == '\r' ? State.SizeLineFeed : value == '\n' ? AfterSize() : State.Extension;
                break;
            case State.Extension:
                _state = value == '\r' ? State.SizeLineFeed : value == '\n' ? AfterSize() : State.Extension;
                break;
            case State.SizeLineFeed:
                _state = AfterSize();
                break;
            case State.DataEnd:
                _state = value == '\r' ? State.DataEndLineFeed : State.Size;
                break;
            case State.DataEndLineFeed:
                _state = State.Size;
                break;
            case State.TrailerStart:
                _state = value == '\r' ? State.EndLineFeed : value == '\n' ? State.Ended : State.Trailer;
                break;
            case State.Trailer:
                _state = value == '\n' ? State.TrailerStart : State.Trailer;
                break;
            case State.EndLineFeed:
                _state = State.Ended;
                break;
        }
    }

    private readonly State AfterSize() => _remaining == 0 ? State.TrailerStart : State.Data;

    private static int HexDigit(byte value) => value switch
    {
        >= (byte)'0' and <= (byte)'9' => value - '0',
        >= (byte)'a' and <= (byte)'f' => value - 'a' + 10,
        >= (byte)'A' and <= (byte)'F' => value - 'A' + 10,
        _ => -1,
    };
}
