namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Tells a body whose framing is malformed from one whose client disconnected: Kestrel reports both as an <see cref="IOException"/>, and most of both as a
/// <see cref="BadHttpRequestException"/>.
/// </summary>
internal static class MalformedBody
{
    /// <summary>Kestrel's text for a connection that ended inside the body. It has no public code.</summary>
    private const string Ended = "Unexpected end of request content.";

    public static bool Is(Exception exception) => exception switch
    {
        BadHttpRequestException { Message: Ended } => false,
        BadHttpRequestException => true,
        // A chunk size with more digits than an integer has.
        IOException { InnerException: OverflowException } => true,
        _ => false,
    };
}
