using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// Scans the body of a response: one JSON object, one object per line, or events with one object each. The first byte decides, because servers send each of
/// them under the media types of the others.
/// </summary>
/// <param name="fields">The fields to look for.</param>
/// <param name="sink">The receiver of the fields.</param>
internal sealed class AnswerScanner(JsonFields fields, IJsonFieldSink sink)
{
    private readonly JsonFieldScanner _json = new(fields, sink);
    private EventStreamScanner? _events;

    /// <summary>True until the body has a byte other than white space and a byte order mark.</summary>
    public bool IsEmpty { get; private set; } = true;

    /// <summary>True when the body started as JSON.</summary>
    public bool IsJson => !IsEmpty && _events is null;

    /// <summary>True when the response was a stream.</summary>
    public bool IsStream => _events is not null || _json.Documents > 1;

    /// <summary>True when the stream contained <c>[DONE]</c>.</summary>
    public bool IsDone => _events is { IsDone: true };

    /// <summary>True when an object was complete.</summary>
    public bool HasObject => _json.Documents > 0;

    /// <summary>True when an event was named <c>error</c>.</summary>
    public bool HasErrorEvent => _events is { HasError: true };

    /// <summary>True when the body has none of these formats, is broken at its end, or has none of the fields.</summary>
    public bool IsLost => _json.IsBroken || _events is { IsKnown: false } || (HasObject && !_json.HasFields);

    public void Read(ReadOnlySpan<byte> bytes)
    {
        if (IsEmpty)
        {
            // Trim single bytes of the mark too: the body may be cut inside it.
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

    /// <summary>Ends the body, and with it the last line.</summary>
    public void Finish()
    {
        _events?.Finish();
        _json.Finish();
    }
}
