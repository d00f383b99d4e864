using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Follows the body of an answer: one JSON object, one object a line, or a stream of events with an object in each. The body's first byte tells which:
/// servers send each of them under the media types of the others.
/// </summary>
/// <param name="fields">What to look for.</param>
/// <param name="sink">The receiver of the fields.</param>
internal sealed class AnswerScanner(JsonFields fields, IJsonFieldSink sink)
{
    private readonly JsonFieldScanner _json = new(fields, sink);
    private EventStreamScanner? _events;

    /// <summary>True until the body has a byte that is neither blank nor part of a byte order mark.</summary>
    public bool IsEmpty { get; private set; } = true;

    /// <summary>True when the body began as JSON.</summary>
    public bool IsJson => !IsEmpty && _events is null;

    /// <summary>True when the answer came in pieces.</summary>
    public bool IsStream => _events is not null || _json.Documents > 1;

    /// <summary>True once a stream said <c>[DONE]</c>.</summary>
    public bool IsDone => _events is { IsDone: true };

    /// <summary>True when an object came whole.</summary>
    public bool HasObject => _json.Documents > 0;

    /// <summary>True once an event was named an error.</summary>
    public bool HasErrorEvent => _events is { HasError: true };

    /// <summary>True when the body is in none of these forms, or was no longer at its end, or says nothing that was looked for.</summary>
    public bool IsLost => _json.IsBroken || _events is { IsKnown: false } || (HasObject && !_json.HasFields);

    public void Read(ReadOnlySpan<byte> bytes)
    {
        if (IsEmpty)
        {
            // Single bytes of the mark are as good as all of it: the body may be cut inside it.
            bytes = bytes.TrimStart("\uFEFF \t\r\n"u8);
            if (bytes.IsEmpty)
            {
                return;
            }

            IsEmpty = false;
            _events = bytes[0] is (byte)'{' or (byte)'[' ? null : new EventStreamScanner(_json);
        }

        if (_events is { } events)
        {
            events.Read(bytes);
        }
        else
        {
            _json.Read(bytes);
        }
    }

    /// <summary>The end of the body, which also ends the last line.</summary>
    public void Finish()
    {
        _events?.Finish();
        _json.Finish();
    }
}
