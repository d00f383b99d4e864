using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// How one API family is spoken: which readers follow its bodies, and what its errors look like. Adding a dialect is one class and one line in
/// <see cref="WireProtocols"/>.
/// </summary>
public abstract class WireProtocol
{
    public abstract ApiDialect Dialect { get; }

    /// <summary>A reader for the body of a request to this endpoint, or null when there is nothing to read.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="contentType">The media type as sent, or null. JSON is read under any: Ollama does not look at it.</param>
    public abstract IRequestReader? CreateRequestReader(ApiEndpoint endpoint, string? contentType);

    /// <summary>A reader for the answer of this endpoint, or null when there is nothing to read.</summary>
    public abstract IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head);

    /// <summary>The body of an error of our own, in the shape this dialect's clients understand; its Content-Type is <c>application/json</c>.</summary>
    /// <param name="statusCode">400 to 599.</param>
    /// <param name="message">One sentence for a person.</param>
    public abstract byte[] ErrorBody(int statusCode, string message);
}

/// <summary>What a reader needs to know of an answer before its first body byte.</summary>
/// <param name="StatusCode">The HTTP status.</param>
/// <param name="ContentType">The media type as sent, or null.</param>
/// <param name="StartedTimestamp">The exchange's start as a <see cref="TimeProvider"/> timestamp; first-token time counts from here.</param>
public readonly record struct ResponseHead(int StatusCode, string? ContentType, long StartedTimestamp)
{
    /// <summary>True for a stream of server-sent events that is no error.</summary>
    public bool IsEventStream => StatusCode < 400 && HasMediaType("text/event-stream");

    /// <summary>True for an answer that comes in pieces and is no error: Ollama's own lines, or events.</summary>
    public bool IsStream => IsEventStream || (StatusCode < 400 && HasMediaType("application/x-ndjson"));

    /// <summary>Compares the media type without its parameters, in any case (RFC 9110, section 8.3.1).</summary>
    public bool HasMediaType(string mediaType) =>
        ContentType is { } type
        && type.StartsWith(mediaType, StringComparison.OrdinalIgnoreCase)
        && (type.Length == mediaType.Length || type[mediaType.Length] is ';' or ' ');
}

/// <summary>
/// Looks at a request body as it passes. Pure, incremental and bounded: spans may be cut anywhere, nothing is kept but what <see cref="Complete"/> tells.
/// Never throws on input: what it cannot follow it stops following.
/// </summary>
public interface IRequestReader
{
    /// <summary>The model, once it was seen. Any thread may look while the body still passes.</summary>
    string? Model => null;

    void Read(ReadOnlySpan<byte> bytes);

    /// <summary>What was understood. Called once, after the last byte or when the body was cut.</summary>
    RequestFacts Complete();
}

/// <summary>Looks at an answer as it passes; the same rules as <see cref="IRequestReader"/>.</summary>
public interface IResponseReader
{
    /// <summary>Pieces with content so far. Any thread may look while the answer still passes.</summary>
    int Pieces => 0;

    /// <param name="bytes">The next bytes of the body, cut anywhere.</param>
    /// <param name="timestamp">When they arrived, as a <see cref="TimeProvider"/> timestamp.</param>
    void Read(ReadOnlySpan<byte> bytes, long timestamp);

    /// <summary>What was understood. Called once.</summary>
    /// <param name="timeProvider">The clock the timestamps came from.</param>
    /// <param name="ended">True when the body reached its end as HTTP means it, false when it was cut.</param>
    ResponseFacts Complete(TimeProvider timeProvider, bool ended);
}
