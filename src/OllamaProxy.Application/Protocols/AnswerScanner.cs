using OllamaProxy.Application.Protocols.Json;

namespace OllamaProxy.Application.Protocols;

/// <summary>Follows the body of an answer that is one JSON object or, by its media type, a stream of events with one in each.</summary>
internal sealed class AnswerScanner
{
    private readonly JsonFieldScanner _json;
    private readonly EventStreamScanner? _events;

    /// <param name="fields">What to look for.</param>
    /// <param name="sink">Who is told.</param>
    /// <param name="head">What the answer began with.</param>
    public AnswerScanner(JsonFields fields, IJsonFieldSink sink, in ResponseHead head)
    {
        _json = new JsonFieldScanner(fields, sink);
        _events = head.IsEventStream ? new EventStreamScanner(_json) : null;
    }

    public bool IsStream => _events is not null;

    /// <summary>True once a stream said <c>[DONE]</c>.</summary>
    public bool IsDone => _events is { IsDone: true };

    /// <summary>True when an object came whole.</summary>
    public bool HasObject => _json.Documents > 0;

    public void Read(ReadOnlySpan<byte> bytes)
    {
        if (_events is { } events)
        {
            events.Read(bytes);
        }
        else
        {
            _json.Read(bytes);
        }
    }
}
