namespace OllamaProxy.Host.Proxy;

/// <summary>Tells a malformed body from a client that disconnected. Kestrel reports both as an <see cref="IOException"/>.</summary>
internal static class MalformedBody
{
    /// <summary>Kestrel's text for a connection that ended inside the body. It has no public code.</summary>
    private const string Ended = "Unexpected end of request content.";

    public static bool Is(Exception exception) => exception switch
    {
        BadHttpRequestException bad => bad.Message != Ended,
        // A chunk size with more digits than an integer has.
        IOException { InnerException: OverflowException } => true,
        _ => false,
    };
}
