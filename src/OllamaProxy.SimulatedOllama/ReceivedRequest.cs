namespace OllamaProxy.SimulatedOllama;

/// <summary>A request as it arrived, for tests.</summary>
public sealed class ReceivedRequest(string method, string target, IReadOnlyList<KeyValuePair<string, string>> headers)
{
    public string Method { get; } = method;

    /// <summary>The request target on the wire.</summary>
    public string Target { get; } = target;

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; } = headers;

    /// <summary>Bytes of the body read so far.</summary>
    public long BodyLength { get; internal set; }

    /// <summary>SHA-256 of the body in lower-case hexadecimal; null until it was read completely.</summary>
    public string? BodySha256 { get; internal set; }

    /// <summary>True when the client disconnected before the response was complete.</summary>
    public bool ClientLeft { get; internal set; }

    /// <summary>True when the response was complete.</summary>
    public bool IsAnswered { get; internal set; }
}
