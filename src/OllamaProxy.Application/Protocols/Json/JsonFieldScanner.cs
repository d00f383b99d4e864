namespace OllamaProxy.Application.Protocols.Json;

/// <summary>
/// Scans JSON as it passes, cut anywhere, and reports the fields of interest. It buffers one bounded text, does not recurse, and never fails: at invalid JSON
/// it stops. It is as lenient as Go's encoding/json (case of keys, duplicates, trailing bytes), and scans a sequence of values one after another.
/// </summary>
/// <param name="fields">The fields to look for.</param>
/// <param name="sink">The receiver of the fields.</param>
/// <param name="documents">How many top-level values to scan: 1 for a request, because Go's decoder stops after the first.</param>
internal sealed partial class JsonFieldScanner(JsonFields fields, IJsonFieldSink sink, int documents = int.MaxValue)
{
    /// <summary>Bytes kept of one text; the rest is only counted.</summary>
    public const int MaxText = 64 * 1024;

    /// <summary>Levels scanned by name, which contain all fields of interest. Deeper levels are skipped.</summary>
    private const int MaxDepth = 16;

    private enum State : byte
    {
        Value,
        FirstKey,
        Key,
        Colon,
        FirstElement,
        AfterMember,
        AfterElement,
        Text,
        Token,
        Skip,
        Broken,
    }

    private readonly int[] _nodes = new int[MaxDepth];
    private readonly bool[] _arrays = new bool[MaxDepth];
    private readonly ByteBuffer _scratch = new(MaxText);
    private readonly ByteBuffer _raw = new(MaxText);
    private JsonEscape _escape;
    private State _state;
    private int _depth;

    /// <summary>The node of the next or current value.</summary>
    private int _node = JsonFields.Root;
    private bool _textIsKey;
    private bool _isCaptured;
    private bool _isRaw;
    private bool _rawEnded;
    private int _rawField;
    private JsonSkip _skip;

    /// <summary>Complete top-level values.</summary>
    public int Documents { get; private set; }

    /// <summary>True outside of any value.</summary>
    public bool IsBetweenDocuments => _state == State.Value && _depth == 0;

    /// <summary>True after invalid JSON, until a later value is complete.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>True when the sink received a field.</summary>
    public bool HasFields { get; private set; }

    public void Read(ReadOnlySpan<byte> bytes)
    {
        for (var at = 0; at < bytes.Length && Documents < documents;)
        {
            var passed = Step(bytes[at..]);
            if (_isRaw)
            {
                _raw.Append(bytes.Slice(at, passed));
                if (_rawEnded)
                {
                    EndRaw();
                }
            }

            at += passed;
        }
    }

    /// <summary>Handles the bytes that belong together, at least one.</summary>
    private int Step(ReadOnlySpan<byte> bytes)
    {
        switch (_state)
        {
            case State.Text:
                return ReadText(bytes);
            case State.Token:
                return ReadToken(bytes);
            case State.Skip:
                return Skip(bytes);
            case State.Broken:
                return Resynchronize(bytes);
        }

        var value = bytes[0];
        if (value is (byte)' ' or (byte)'\n' or (byte)'\r' or (byte)'\t')
        {
            return 1;
        }

        switch (_state)
        {
            case State.FirstElement when value == ']':
            case State.AfterElement when value == ']':
            case State.FirstKey when value == '}':
            case State.AfterMember when value == '}':
                Close();
                return 1;
            case State.Value or State.FirstElement:
                return BeginValue(value);
            case State.FirstKey or State.Key when value == '"':
                BeginText(isKey: true, isCaptured: true);
                return 1;
            case State.Colon when value == ':':
                _state = State.Value;
                return 1;
            case State.AfterMember when value == ',':
                _state = State.Key;
                return 1;
            case State.AfterElement when value == ',':
                _node = fields.Element(_nodes[_depth - 1]);
                _state = State.Value;
                return 1;
            default:
                return Break();
        }
    }

    private int BeginValue(byte value)
    {
        var want = _node == JsonFields.None ? JsonWant.Presence : fields.WantOf(_node);
        var field = _node == JsonFields.None ? JsonFields.None : fields.FieldOf(_node);
        if (want == JsonWant.Raw && !_isRaw && value is (byte)'{' or (byte)'[')
        {
            _isRaw = true;
            _rawField = field;
            _raw.Clear();
        }
        else if (want == JsonWant.Presence && field != JsonFields.None)
        {
            HasFields = true;
            sink.Present(field);
        }

        var isLooked = want is JsonWant.Value or JsonWant.Raw && !_isRaw;
        switch (value)
        {
            case (byte)'"':
                BeginText(isKey: false, isCaptured: isLooked && field != JsonFields.None);
                return 1;
            case (byte)'{' or (byte)'[':
                if (isLooked && fields.HasInside(_node) && _depth < MaxDepth)
                {
                    Open(isArray: value == '[', field);
                }
                else
                {
                    _skip = JsonSkip.Container();
                    _state = State.Skip;
                }

                return 1;
            case (byte)'-' or (>= (byte)'0' and <= (byte)'9') or (byte)'t' or (byte)'f' or (byte)'n':
                _isCaptured = isLooked && field != JsonFields.None;
                _scratch.Clear();
                _scratch.Append(value);
                _state = State.Token;
                return 1;
            default:
                return Break();
        }
    }

    private void Open(bool isArray, int field)
    {
        _nodes[_depth] = _node;
        _arrays[_depth] = isArray;
        _depth++;
        if (field != JsonFields.None)
        {
            HasFields = true;
            sink.Begin(field);
        }

        _state = isArray ? State.FirstElement : State.FirstKey;
        if (isArray)
        {
            _node = fields.Element(_node);
        }
    }

    private void Close()
    {
        _depth--;
        _node = _nodes[_depth];
        var field = fields.FieldOf(_node);
        if (field != JsonFields.None)
        {
            sink.End(field);
        }

        EndValue();
    }

    /// <summary>Ends a value: the next state depends on its container.</summary>
    private void EndValue()
    {
        if (_isRaw)
        {
            _rawEnded = true;
        }

        if (_depth > 0)
        {
            _state = _arrays[_depth - 1] ? State.AfterElement : State.AfterMember;
            return;
        }

        _state = State.Value;
        _node = JsonFields.Root;
        Documents++;
        IsBroken = false;
        sink.DocumentEnd();
    }

    private void EndRaw()
    {
        _isRaw = false;
        _rawEnded = false;
        sink.Raw(_rawField, _raw.Span, _raw.Length == _raw.Count);
    }

    /// <summary>Abandons the current value: the next byte starts a new one.</summary>
    public void Abandon()
    {
        Break();
        Restart();
    }

    /// <summary>Ends the body, and with it a number at its end.</summary>
    public void Finish()
    {
        if (_state == State.Token)
        {
            EndToken();
        }
    }

    private int Break()
    {
        IsBroken = true;
        _isRaw = false;
        _rawEnded = false;
        _state = State.Broken;
        return 1;
    }

    /// <summary>With one value per line, the next line can be valid again.</summary>
    private int Resynchronize(ReadOnlySpan<byte> bytes)
    {
        var line = bytes.IndexOf((byte)'\n');
        if (line < 0)
        {
            return bytes.Length;
        }

        Restart();
        return line + 1;
    }

    private void Restart()
    {
        _state = State.Value;
        _depth = 0;
        _node = JsonFields.Root;
    }
}
