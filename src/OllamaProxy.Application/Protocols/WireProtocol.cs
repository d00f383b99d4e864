using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>
/// The protocol of one API family: the readers of its bodies, and the shape of its errors. A new dialect is one class and one line in
/// <see cref="WireProtocols"/>.
/// </summary>
public abstract class WireProtocol
{
    public abstract ApiDialect Dialect { get; }

    /// <summary>Creates a reader for the request body; null when there is nothing to read.</summary>
    /// <param name="endpoint">The endpoint.</param>
    /// <param name="contentType">The media type as sent, or null. JSON is read under any type, because Ollama ignores it.</param>
    public abstract IRequestReader? CreateRequestReader(ApiEndpoint endpoint, string? contentType);

    /// <summary>Creates a reader for the response; null when there is nothing to read.</summary>
    public abstract IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head);

    /// <summary>The body of one of the proxy's own errors in the dialect's shape; its Content-Type is <c>application/json</c>.</summary>
    /// <param name="statusCode">400 to 599.</param>
    /// <param name="message">One readable sentence.</param>
    public abstract byte[] ErrorBody(int statusCode, string message);
}

/// <summary>The head of a response, for its reader.</summary>
/// <param name="StatusCode">The HTTP status.</param>
/// <param name="ContentType">The media type as sent, or null.</param>
/// <param name="StartedTimestamp">The exchange's start as a <see cref="TimeProvider"/> timestamp; the time to first token counts from here.</param>
public readonly record struct ResponseHead(int StatusCode, string? ContentType, long StartedTimestamp)
{
    /// <summary>True for server-sent events without an error status.</summary>
    public bool IsEventStream => StatusCode < 400 && HasMediaType("text/event-stream");

    /// <summary>True for a stream without an error status: Ollama's own lines, or events.</summary>
    public bool IsStream => IsEventStream || (StatusCode < 400 && HasMediaType("application/x-ndjson"));

    /// <summary>Compares the media type without its parameters, ignoring case (RFC 9110, section 8.3.1).</summary>
    public bool HasMediaType(string mediaType) =>
        ContentType is { } type
        && type.StartsWith(mediaType, StringComparison.OrdinalIgnoreCase)
        && (type.Length == mediaType.Length || type[mediaType.Length] is ';' or ' ');
}

/// <summary>
/// Reads a request body as it passes: incremental and bounded, with spans cut anywhere. It never throws on input; at invalid input it stops.
/// </summary>
public interface IRequestReader
{
    /// <summary>The model; null until it was read. Any thread may call this while the body still passes.</summary>
    string? Model => null;

    void Read(ReadOnlySpan<byte> bytes);

    /// <summary>The facts. Called once, after the last byte or when the body was cut.</summary>
    RequestFacts Complete();
}

/// <summary>Reads a response as it passes, under the same rules as <see cref="IRequestReader"/>.</summary>
public interface IResponseReader
{
    /// <summary>Chunks with content so far. Any thread may call this while the response still passes.</summary>
    int Pieces => 0;

    /// <param name="bytes">The next bytes of the body, cut anywhere.</param>
    /// <param name="timestamp">Their arrival as a <see cref="TimeProvider"/> timestamp.</param>
    void Read(ReadOnlySpan<byte> bytes, long timestamp);

    /// <summary>The facts. Called once.</summary>
    /// <param name="timeProvider">The clock of the timestamps.</param>
    /// <param name="ended">True when the body ended as HTTP requires, false when it was cut.</param>
    ResponseFacts Complete(TimeProvider timeProvider, bool ended);
}
