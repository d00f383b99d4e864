using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Follows server-sent events (WHATWG HTML, section 9.2) cut anywhere, and hands the data of each to a <see cref="JsonFieldScanner"/>. Names of events are
/// not looked at: every dialect repeats them inside its JSON.
/// </summary>
internal sealed class EventStreamScanner(JsonFieldScanner json)
{
    private static ReadOnlySpan<byte> Data => "data:"u8;

    /// <summary>OpenAI's last word, which is no JSON.</summary>
    private static ReadOnlySpan<byte> Marker => "[DONE]"u8;

    private enum State : byte
    {
        LineStart,
        Name,
        Space,
        Marker,
        Json,
        Skip,
    }

    private State _state;
    private int _matched;

    /// <summary>True once <c>data: [DONE]</c> was seen.</summary>
    public bool IsDone { get; private set; }

    public void Read(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[Step(bytes)..];
        }
    }

    /// <summary>Handles as many bytes as belong together; none where only the state changes.</summary>
    private int Step(ReadOnlySpan<byte> bytes)
    {
        var value = bytes[0];
        switch (_state)
        {
            // What nearly every line begins with, in one step in place of eight.
            case State.LineStart when bytes.StartsWith("data: {"u8):
                _state = State.Json;
                return "data: "u8.Length;
            case State.LineStart:
                return StartLine(value);
            case State.Name when value == Data[_matched]:
                if (++_matched == Data.Length)
                {
                    _state = State.Space;
                }

                return 1;
            case State.Name:
                _state = State.Skip;
                return 0;
            case State.Space:
                _matched = 0;
                _state = State.Marker;
                return value == ' ' ? 1 : 0;
            case State.Marker:
                return MatchMarker(value);
            default:
                return PassLine(bytes);
        }
    }

    private int StartLine(byte value)
    {
        if (value is (byte)'\n' or (byte)'\r')
        {
            if (value == '\n' && !json.IsBetweenDocuments)
            {
                // An empty line ends the event: half a value in it is no reason to misread the next one.
                json.Abandon();
            }

            return 1;
        }

        _matched = 0;
        _state = State.Name;
        return 0;
    }

    private int MatchMarker(byte value)
    {
        if (_matched < Marker.Length && value == Marker[_matched])
        {
            _matched++;
            return 1;
        }

        if (_matched == Marker.Length && value is (byte)'\n' or (byte)'\r')
        {
            IsDone = true;
            _state = State.Skip;
            return 0;
        }

        json.Read(Marker[.._matched]);
        _state = State.Json;
        return 0;
    }

    private int PassLine(ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)'\n');
        var length = end < 0 ? bytes.Length : end + 1;
        if (_state == State.Json)
        {
            json.Read(bytes[..length]);
        }

        if (end >= 0)
        {
            _state = State.LineStart;
        }

        return length;
    }
}
