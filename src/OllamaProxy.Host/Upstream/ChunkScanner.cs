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
        if (_state is State.SizeStart or State.Size && char.IsAsciiHexDigit((char)value))
        {
            _state = _remaining > long.MaxValue >> 4 ? State.Broken : State.Size;
            // The low bits of a letter count from 1, and bit 6 tells it from a digit.
            _remaining = (_remaining << 4) | (uint)((value & 0xF) + (9 * (value >> 6)));
            return;
        }

        _state = (_state, (char)value) switch
        {
            (State.Size, ';' or ' ' or '\t') => State.Extension,
            (State.Size or State.Extension, '\r') => State.SizeLineFeed,
            (State.Extension, not '\n') => State.Extension,
            (State.SizeLineFeed, '\n') => _remaining == 0 ? State.TrailerStart : State.Data,
            (State.DataEnd, '\r') => State.DataLineFeed,
            (State.DataLineFeed, '\n') => State.SizeStart,
            (State.TrailerStart, '\r') => State.EndLineFeed,
            (State.TrailerStart or State.Trailer, not ('\r' or '\n')) => State.Trailer,
            (State.Trailer, '\r') => State.TrailerLineFeed,
            (State.TrailerLineFeed, '\n') => State.TrailerStart,
            (State.EndLineFeed, '\n') => State.Ended,
            _ => State.Broken,
        };
    }
}
