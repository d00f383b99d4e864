namespace OllamaProxy.Domain;

/// <summary>Why an exchange was no success: a closed set, so that it can be a label.</summary>
public enum ErrorType
{
    /// <summary>The client left first, or gave up waiting. No error of Ollama's.</summary>
    ClientAbort,

    /// <summary>No answer could be had: refused, reset, or no HTTP.</summary>
    UpstreamUnreachable,

    /// <summary>The answer ended, or was cut, without its last word.</summary>
    Incomplete,

    /// <summary>An error inside an answer that had begun with status 200.</summary>
    MidStream,

    /// <summary>404 of a call that names a model.</summary>
    ModelNotFound,

    /// <summary>404 of any other path.</summary>
    NotFound,

    /// <summary>The request was wrong: 400 and the other statuses that say so.</summary>
    BadRequest,

    /// <summary>401 or 403: the Host or Origin was refused, or the cloud wants a login.</summary>
    Forbidden,

    /// <summary>429.</summary>
    RateLimited,

    /// <summary>503: Ollama's own waiting line is full.</summary>
    Busy,

    /// <summary>The prompt does not fit the context.</summary>
    ContextOverflow,

    /// <summary>The model does not fit the memory.</summary>
    OutOfMemory,

    /// <summary>Any other error status of Ollama's.</summary>
    UpstreamError,

    /// <summary>The proxy's waiting line was full.</summary>
    QueueFull,

    /// <summary>The proxy's waiting line was too slow.</summary>
    QueueTimeout,

    /// <summary>The proxy was stopped.</summary>
    ProxyStopped,
}

/// <summary>Finds the type of an error, and its name.</summary>
public static class ErrorTypes
{
    /// <summary>The value of the <c>error_type</c> label and the stored field.</summary>
    public static string Name(this ErrorType type) => type switch
    {
        ErrorType.ClientAbort => "client_abort",
        ErrorType.UpstreamUnreachable => "upstream_unreachable",
        ErrorType.Incomplete => "incomplete",
        ErrorType.MidStream => "mid_stream",
        ErrorType.ModelNotFound => "model_not_found",
        ErrorType.NotFound => "not_found",
        ErrorType.BadRequest => "bad_request",
        ErrorType.Forbidden => "forbidden",
        ErrorType.RateLimited => "rate_limited",
        ErrorType.Busy => "busy",
        ErrorType.ContextOverflow => "context_overflow",
        ErrorType.OutOfMemory => "out_of_memory",
        ErrorType.UpstreamError => "upstream_error",
        ErrorType.QueueFull => "queue_full",
        ErrorType.QueueTimeout => "queue_timeout",
        ErrorType.ProxyStopped => "proxy_stopped",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "An error type without a name."),
    };

    /// <summary>The type of an exchange's error; null when it was none.</summary>
    public static ErrorType? Of(Exchange exchange) => exchange.Outcome switch
    {
        ExchangeOutcome.Completed => null,
        ExchangeOutcome.ClientCancelled => ErrorType.ClientAbort,
        ExchangeOutcome.UpstreamUnreachable => ErrorType.UpstreamUnreachable,
        ExchangeOutcome.Incomplete => ErrorType.Incomplete,
        ExchangeOutcome.ProxyStopped => ErrorType.ProxyStopped,
        ExchangeOutcome.Rejected => exchange.QueueTime > TimeSpan.Zero ? ErrorType.QueueTimeout : ErrorType.QueueFull,
        _ => OfText(exchange.Error) ?? OfStatus(exchange),
    };

    /// <summary>What Ollama and its runner say in words, under changing statuses.</summary>
    private static ErrorType? OfText(string? text) =>
        text is null ? null :
        Says(text, "out of memory") || Says(text, "requires more system memory") || Says(text, "cudaMalloc failed") ? ErrorType.OutOfMemory :
        Says(text, "context length") || Says(text, "context size") ? ErrorType.ContextOverflow :
        null;

    private static ErrorType OfStatus(Exchange exchange) => exchange.StatusCode switch
    {
        < 400 => ErrorType.MidStream,
        404 => exchange.Request.Model is null ? ErrorType.NotFound : ErrorType.ModelNotFound,
        401 or 403 => ErrorType.Forbidden,
        429 => ErrorType.RateLimited,
        503 => ErrorType.Busy,
        < 500 or 501 => ErrorType.BadRequest,
        _ => ErrorType.UpstreamError,
    };

    private static bool Says(string text, string words) => text.Contains(words, StringComparison.OrdinalIgnoreCase);
}
