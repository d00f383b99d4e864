namespace OllamaProxy.Host.Proxy;

/// <summary>How the end of an answer's body is recognised (RFC 9112, section 6.3).</summary>
internal enum BodyFraming : byte
{
    Length,
    Chunked,
    UntilClose,
}

/// <summary>
/// Follows the heads of answers on the bytes of a connection, cut anywhere, as far as it takes to know where their bodies end. It is strict where HttpClient
/// is lenient: were the two of different opinion about where an answer ends, one client could get a piece of another's.
/// </summary>
internal struct ResponseHeadScanner
{
    private enum State : byte
    {
        StatusLine,
        LineStart,
        Name,
        ValueStart,
        Value,
        EndLineFeed,
    }

    private const int StatusAt = 9;
    private const int StatusEnd = 12;

    private State _state;
    private int _statusIndex;
    private int _status;

    /// <summary>How much of each name, or of the value, matches on this line; -1 when it does not.</summary>
    private int _matchedEncoding;
    private int _matchedLength;
    private bool _isEncoding;
    private bool _isLength;
    private bool _chunked;
    private bool _valueEnded;
    private long? _length;

    private static ReadOnlySpan<byte> EncodingName => "transfer-encoding"u8;

    private static ReadOnlySpan<byte> LengthName => "content-length"u8;

    private static ReadOnlySpan<byte> Chunked => "chunked"u8;

    /// <summary>Passes over the bytes of a head.</summary>
    /// <param name="bytes">What arrived.</param>
    /// <param name="ended">True when the head of a final answer (no 1xx) ended.</param>
    /// <returns>How many bytes belong to the head.</returns>
    /// <exception cref="IOException">The head says in two ways, or in an unknown way, where its body ends.</exception>
    public int Scan(ReadOnlySpan<byte> bytes, out bool ended)
    {
        ended = false;
        for (var at = 0; at < bytes.Length; at++)
        {
            if (!Step(bytes[at]))
            {
                continue;
            }

            // After an interim answer another head follows; 101 is the last that has one.
            if (_status is < 100 or >= 200 or 101)
            {
                Require(_status >= 100);
                ended = true;
                return at + 1;
            }

            this = default;
        }

        return bytes.Length;
    }

    /// <summary>How the body after the head ends; 0 bytes where status or method leave no room for one.</summary>
    /// <param name="isHead">The answer is one to HEAD.</param>
    /// <param name="length">The body's length in bytes, where the framing is one by length.</param>
    public readonly BodyFraming Body(bool isHead, out long length)
    {
        length = 0;
        if (isHead || _status is 204 or 304)
        {
            return BodyFraming.Length;
        }

        if (_chunked)
        {
            return BodyFraming.Chunked;
        }

        length = _length ?? 0;
        return _length is null || _status == 101 ? BodyFraming.UntilClose : BodyFraming.Length;
    }

    /// <summary>True when this byte ended the head.</summary>
    private bool Step(byte value)
    {
        switch (_state)
        {
            case State.StatusLine:
                if (_statusIndex is >= StatusAt and < StatusEnd && value is >= (byte)'0' and <= (byte)'9')
                {
                    _status = (_status * 10) + (value - '0');
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
                // A folded line would belong to the value before it.
                Require(value is not ((byte)' ' or (byte)'\t'));
                _matchedEncoding = _matchedLength = 0;
                _state = State.Name;
                goto case State.Name;
            case State.Name:
                StepName(value);
                return false;
            default:
                StepValue(value);
                return false;
        }
    }

    private void StepName(byte value)
    {
        if (value == ':')
        {
            _isEncoding = _matchedEncoding == EncodingName.Length;
            _isLength = _matchedLength == LengthName.Length;
            _state = State.ValueStart;
            return;
        }

        _matchedEncoding = Match(EncodingName, _matchedEncoding, value);
        _matchedLength = Match(LengthName, _matchedLength, value);
        _state = value == '\n' ? State.LineStart : State.Name;
    }

    private void StepValue(byte value)
    {
        if (value == '\n')
        {
            EndValue();
            _state = State.LineStart;
        }
        else if (value is (byte)' ' or (byte)'\t' or (byte)'\r')
        {
            _valueEnded = _state == State.Value;
        }
        else if (_isEncoding || _isLength)
        {
            if (_state == State.ValueStart)
            {
                StartValue();
            }

            Require(!_valueEnded);
            if (_isEncoding)
            {
                _matchedEncoding = Match(Chunked, _matchedEncoding, value);
            }
            else
            {
                Require(value is >= (byte)'0' and <= (byte)'9' && _length < long.MaxValue / 10);
                _length = (_length * 10) + (value - '0');
            }
        }
        else
        {
            _state = State.Value;
        }
    }

    private void StartValue()
    {
        _state = State.Value;
        _valueEnded = false;
        if (_isEncoding)
        {
            Require(!_chunked);
            _matchedEncoding = 0;
        }
        else
        {
            Require(_length is null);
            _length = 0;
        }
    }

    private void EndValue()
    {
        if (_isEncoding || _isLength)
        {
            Require(_state == State.Value && (_isLength || _matchedEncoding == Chunked.Length));
            _chunked |= _isEncoding;
        }

        _isEncoding = _isLength = _valueEnded = false;
    }

    private static int Match(ReadOnlySpan<byte> text, int matched, byte value) => matched >= 0 && matched < text.Length && (value | 0x20) == text[matched] ? matched + 1 : -1;

    private static void Require(bool isUnderstood)
    {
        if (!isUnderstood)
        {
            throw new IOException("Ollama's response has an ambiguous status, or an ambiguous end of its body.");
        }
    }
}
