using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Scans server-sent events (WHATWG HTML, section 9.2), cut anywhere, and passes their data to a <see cref="JsonFieldScanner"/>. Of the event names only
/// <c>error</c> matters, because the JSON repeats the others. A line with a bare JSON object counts as data: Ollama writes some errors that way.
/// </summary>
internal sealed class EventStreamScanner(JsonFieldScanner json)
{
    /// <summary>A longer name matches none of the five below.</summary>
    private const int LongestName = 5;

    private static readonly ulong s_data = Pack("data"u8);
    private static readonly ulong s_event = Pack("event"u8);
    private static readonly ulong s_error = Pack("error"u8);
    private static readonly ulong s_id = Pack("id"u8);
    private static readonly ulong s_retry = Pack("retry"u8);

    /// <summary>OpenAI's terminator, which is not JSON.</summary>
    private static ReadOnlySpan<byte> Marker => "[DONE]"u8;

    private enum State : byte
    {
        LineStart,
        Name,
        EventName,
        Marker,
        Json,
        Skip,
    }

    private State _state;

    /// <summary>The name being read, packed into an integer.</summary>
    private ulong _name;
    private int _matched;
    private bool _isAfterReturn;

    /// <summary>True after <c>data: [DONE]</c>.</summary>
    public bool IsDone { get; private set; }

    /// <summary>True after a line that only an event stream has.</summary>
    public bool IsKnown { get; private set; }

    /// <summary>True after an event named <c>error</c>, whatever its data.</summary>
    public bool HasError { get; private set; }

    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[Step(bytes)..];
        }
    }

    /// <summary>Ends the last line, which may lack its line break.</summary>
    public void Finish()
    {
        IsDone |= _state == State.Marker && _matched == Marker.Length;
        HasError |= _state == State.EventName && _name == s_error;
    }

    /// <summary>Handles bytes that belong together and returns their number; 0 when only the state changes.</summary>
    private int Step(ReadOnlySpan<byte> bytes)
    {
        var value = bytes[0];
        switch (_state)
        {
            // Nearly every line starts like this: one step instead of eight.
            case State.LineStart when bytes.StartsWith("data: {"u8):
                IsKnown = true;
                _state = State.Json;
                return "data: "u8.Length;
            case State.LineStart:
                return StartLine(value);
            case State.Json or State.Skip:
                return PassLine(bytes);
        }

        if (value is (byte)'\n' or (byte)'\r')
        {
            EndLine(value);
            return 1;
        }

        switch (_state)
        {
            case State.Name when value == ':':
                EndName();
                return 1;
            case State.EventName when value is (byte)' ' or (byte)'\t':
                return 1;
            case State.Name or State.EventName:
                _name = (_name << 8) | value;
                _state = _name >> (8 * LongestName) == 0 ? _state : State.Skip;
                return 1;
            default:
                return MatchMarker(value);
        }
    }

    private int StartLine(byte value)
    {
        if (value is (byte)'\n' or (byte)'\r')
        {
            // The second half of CR LF is not an empty line.
            var isEmptyLine = value == '\r' || !_isAfterReturn;
            _isAfterReturn = value == '\r';
            if (isEmptyLine && !json.IsBetweenDocuments)
            {
                // An empty line ends the event, so an incomplete value in it must not spoil the next one.
                json.Abandon();
            }

            return 1;
        }

        (_isAfterReturn, _name, _matched) = (false, 0, 0);
        _state = value == '{' ? State.Json : State.Name;
        return 0;
    }

    private void EndName()
    {
        // A line without a name is a comment.
        var isData = _name == s_data;
        var isEvent = _name == s_event;
        HasError |= _name == s_error;
        IsKnown |= isData || isEvent || _name == s_error || _name == s_id || _name == s_retry || _name == 0;
        _state = isData ? State.Marker : isEvent ? State.EventName : State.Skip;
        _name = 0;
    }

    private int MatchMarker(byte value)
    {
        if (value is (byte)' ' or (byte)'\t' && (_matched == 0 || _matched == Marker.Length))
        {
            return 1;
        }

        if (_matched < Marker.Length && value == Marker[_matched])
        {
            _matched++;
            return 1;
        }

        json.Read(Marker[.._matched]);
        _state = State.Json;
        return 0;
    }

    private int PassLine(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOfAny((byte)'\n', (byte)'\r');
        if (_state == State.Json)
        {
            var isReturn = end >= 0 && bytes[end] == '\r';
            json.Read(end < 0 ? bytes : bytes[..(isReturn ? end : end + 1)]);
            if (isReturn)
            {
                // JSON lines end with one kind of line break, events with three.
                json.Read("\n"u8);
            }
        }

        if (end < 0)
        {
            return bytes.Length;
        }

        EndLine(bytes[end]);
        return end + 1;
    }

    private void EndLine(byte lineBreak)
    {
        Finish();
        if (_state == State.Marker && _matched < Marker.Length)
        {
            // Not the terminator, so it is JSON that continues in the next data line.
            json.Read(Marker[.._matched]);
        }

        _isAfterReturn = lineBreak == '\r';
        _state = State.LineStart;
    }

    private static ulong Pack(ReadOnlySpan<byte> name)
    {
        var packed = 0UL;
        foreach (var value in name)
        {
            packed = (packed << 8) | value;
        }

        return packed;
    }
}
