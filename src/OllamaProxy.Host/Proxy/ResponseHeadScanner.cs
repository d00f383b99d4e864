namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Finds, on the bytes of a connection, where the head of a chunked response ends. It only decides whether the body is wrapped, so when in doubt
/// it says no: the answer then passes as HttpClient understands it.
/// </summary>
internal struct ResponseHeadScanner
{
    private enum State : byte
    {
        Start,
        StatusLine,
        LineStart,
        Name,
        Value,
        EndLineFeed,
        Passthrough,
    }

    private static ReadOnlySpan<byte> HeaderName => "transfer-encoding"u8;

    private static ReadOnlySpan<byte> Chunked => "chunked"u8;

    private State _state;

    /// <summary>How much of the name, or of the value, of this line matches what is looked for; -1 when it does not.</summary>
    private int _matched;
    private bool _isTransferEncoding;
    private bool _chunkedFound;
    private int _statusIndex;
    private bool _informational;

    /// <summary>Looks at the next bytes of the connection, outside a chunked body.</summary>
    /// <param name="bytes">What arrived.</param>
    /// <param name="chunkedBody">True when a head ended here that announces a chunked body.</param>
    /// <returns>How many bytes belong to the head (only meaningful with <paramref name="chunkedBody"/>).</returns>
    public int Scan(ReadOnlySpan<byte> bytes, out bool chunkedBody)
    {
        chunkedBody = false;
        if (_state is State.Passthrough && bytes.StartsWith("HTTP/1."u8))
        {
            // A body without chunks has no end that can be seen here; the next head is recognised by how it begins, at the start of a piece,
            // as it must: Ollama sends it only after a further request.
            this = default;
        }

        for (var at = 0; at < bytes.Length && _state != State.Passthrough; at++)
        {
            if (Step(bytes[at]))
            {
                if (_chunkedFound)
                {
                    this = default;
                    chunkedBody = true;
                    return at + 1;
                }

                var again = _informational;
                this = default;
                _state = again ? State.Start : State.Passthrough;
            }
        }

        return bytes.Length;
    }

    /// <summary>True when this byte ended the head.</summary>
    private bool Step(byte value)
    {
        switch (_state)
        {
            case State.Start or State.StatusLine:
                // "HTTP/1.1 1xx": the digit after the first blank tells an interim answer, after which another head follows.
                if (_statusIndex == 9)
                {
                    _informational = value == '1';
                }

                _statusIndex++;
                _state = value == '\n' ? State.LineStart : State.StatusLine;
                return false;
            case State.LineStart when value == '\r':
                _state = State.EndLineFeed;
                return false;
            case State.LineStart when value == '\n':
            case State.EndLineFeed:
                return true;
            case State.LineStart:
                _matched = 0;
                _isTransferEncoding = false;
                _state = State.Name;
                goto case State.Name;
            case State.Name when value == ':':
                _isTransferEncoding = _matched == HeaderName.Length;
                _matched = 0;
                _state = State.Value;
                return false;
            case State.Name:
                _matched = _matched >= 0 && _matched < HeaderName.Length && (value | 0x20) == HeaderName[_matched] ? _matched + 1 : -1;
                _state = value == '\n' ? State.LineStart : State.Name;
                return false;
            case State.Value:
                if (value == '\n')
                {
                    _state = State.LineStart;
                }
                else if (_isTransferEncoding)
                {
                    _matched = (value | 0x20) == Chunked[_matched] ? _matched + 1 : 0;
                    if (_matched == Chunked.Length)
                    {
                        _chunkedFound = true;
                        _matched = 0;
                    }
                }

                return false;
            default:
                return false;
        }
    }
}
