namespace OllamaProxy.SimulatedOllama;

/// <summary>What arrived, as it arrived, for tests to look at.</summary>
public sealed class ReceivedRequest(string method, string target, IReadOnlyList<KeyValuePair<string, string>> headers)
{
    public string Method { get; } = method;

    /// <summary>The request target as it stood on the wire.</summary>
    public string Target { get; } = target;

    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; } = headers;

    /// <summary>Bytes of body read so far.</summary>
    public long BodyLength { get; internal set; }

    /// <summary>SHA-256 of the body in lower hexadecimal, once it was read whole; null before.</summary>
    public string? BodySha256 { get; internal set; }

    /// <summary>True once the client went away before the answer was whole.</summary>
    public bool ClientLeft { get; internal set; }

    /// <summary>True once the answer was whole.</summary>
    public bool IsAnswered { get; internal set; }
}
