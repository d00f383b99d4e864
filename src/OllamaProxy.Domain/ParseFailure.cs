namespace OllamaProxy.Domain;

/// <summary>Why the proxy could not read a body; a closed set, so that it can be a label. The bytes passed all the same.</summary>
public enum ParseFailure
{
    /// <summary>The request is not what its API takes.</summary>
    Malformed,

    /// <summary>The answer has none of the forms its API uses.</summary>
    UnknownFormat,

    /// <summary>The Content-Encoding is unknown, or the bytes are not encoded as it says.</summary>
    UnknownEncoding,

    /// <summary>Too much memory was in use for decoding, or the decoded body is too large.</summary>
    DecoderLimit,

    /// <summary>A reader threw an exception, which is a defect of the proxy.</summary>
    ReaderFailed,
}

/// <summary>The names of the failures.</summary>
public static class ParseFailures
{
    /// <summary>The value of the <c>reason</c> label.</summary>
    public static string Name(this ParseFailure failure) => failure switch
    {
        ParseFailure.Malformed => "malformed",
        ParseFailure.UnknownFormat => "unknown_format",
        ParseFailure.UnknownEncoding => "unknown_encoding",
        ParseFailure.DecoderLimit => "decoder_limit",
        ParseFailure.ReaderFailed => "reader_failed",
        _ => throw new ArgumentOutOfRangeException(nameof(failure), failure, "A failure without a name."),
    };
}
