using System.Buffers;

namespace OllamaProxy.Domain;

/// <summary>Why an exchange failed: a closed set, so that it can be a label.</summary>
public enum ErrorType
{
    /// <summary>The client disconnected first. Not an error of Ollama.</summary>
    ClientAbort,

    /// <summary>No response: the connection was refused or reset, or the answer was no HTTP.</summary>
    UpstreamUnreachable,

    /// <summary>The response ended, or was cut, without its terminator.</summary>
    Incomplete,

    /// <summary>An error inside a response that had begun with status 200.</summary>
    MidStream,

    /// <summary>Ollama lacks the model.</summary>
    ModelNotFound,

    /// <summary>404 that is not about a model: Ollama has no such path.</summary>
    NotFound,

    /// <summary>The request was invalid: 400 and the other statuses that mean it.</summary>
    BadRequest,

    /// <summary>401 or 403: the Host or Origin was refused, or the cloud wants a login.</summary>
    Forbidden,

    /// <summary>429.</summary>
    RateLimited,

    /// <summary>503 or 529, or a text that means the same: Ollama's own queue is full.</summary>
    Busy,

    /// <summary>The prompt does not fit the context.</summary>
    ContextOverflow,

    /// <summary>The model does not fit the memory.</summary>
    OutOfMemory,

    /// <summary>Any other error status of Ollama's.</summary>
    UpstreamError,

    /// <summary>The proxy's queue was full.</summary>
    QueueFull,

    /// <summary>The proxy's queue was too slow.</summary>
    QueueTimeout,

    /// <summary>The client's upload stalled while it held a slot and others waited.</summary>
    BodyStalled,

    /// <summary>The proxy itself failed.</summary>
    ProxyFault,

    /// <summary>The proxy was stopped.</summary>
    ProxyStopped,
}

/// <summary>Finds the type of an error, and its name.</summary>
public static class ErrorTypes
{
    public static ClosedSet<ErrorType> Set { get; } = new(Name);

    /// <summary>Ollama's own list (its llm package), and the words of the allocators and drivers behind it.</summary>
    private static readonly SearchValues<string> s_outOfMemory = SearchValues.Create(
        [
            "out of memory",
            "out of device memory",
            "out of host memory",
            "OutOfMemory",
            "OutOfDeviceMemory",
            "OutOfHostMemory",
            "OUT_OF_MEMORY",
            "OUT_OF_DEVICE_MEMORY",
            "OUT_OF_HOST_MEMORY",
            "OUT_OF_POOL_MEMORY",
            "cudaMalloc failed",
            "hipMalloc failed",
            "failed to allocate",
            "unable to allocate",
            "cannot allocate memory",
            "could not allocate",
            "cannot be allocated",
            "attempting to allocate",
            "allocation failed",
            "memory allocation of",
            "ALLOC_FAILED",
            "bad_alloc",
            "MemoryAllocation",
            "paging file is too small",
        ],
        StringComparison.OrdinalIgnoreCase);

    /// <summary>With the words memory or VRAM, they say that there is too little of it.</summary>
    private static readonly SearchValues<string> s_shortage = SearchValues.Create(
        ["not enough", "insufficient", "requires more", "exceeds available"], StringComparison.OrdinalIgnoreCase);

    /// <summary>Ollama's, its runners', and those of the clouds that answer through it.</summary>
    private static readonly SearchValues<string> s_contextOverflow = SearchValues.Create(
        [
            "context length",
            "context size",
            "context window",
            "context_length",
            "context_size",
            "available context",
            "maximum context",
            "physical batch size",
            "KV slot",
            "space in the KV cache",
            "prompt is too long",
            "prompt too long",
        ],
        StringComparison.OrdinalIgnoreCase);

    private static readonly SearchValues<string> s_modelNotFound = SearchValues.Create(
        ["model not found", "model_not_found", "try pulling it first", "model manifest: file does not exist"], StringComparison.OrdinalIgnoreCase);

    private static readonly SearchValues<string> s_busy = SearchValues.Create(
        ["server busy", "maximum pending requests", "no slots available", "overloaded"], StringComparison.OrdinalIgnoreCase);

    /// <summary>What the request asked for was wrong, although Ollama answers it with 500.</summary>
    private static readonly SearchValues<string> s_badRequest = SearchValues.Create(["invalid format: "], StringComparison.OrdinalIgnoreCase);

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
        ErrorType.BodyStalled => "body_stalled",
        ErrorType.ProxyFault => "proxy_fault",
        ErrorType.ProxyStopped => "proxy_stopped",
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "An error type without a name."),
    };

    /// <summary>The type of an exchange's error; null for a success.</summary>
    public static ErrorType? Of(Exchange exchange) => exchange.Outcome switch
    {
        ExchangeOutcome.Completed => null,
        ExchangeOutcome.ClientCancelled => ErrorType.ClientAbort,
        ExchangeOutcome.UpstreamUnreachable => ErrorType.UpstreamUnreachable,
        ExchangeOutcome.Incomplete => ErrorType.Incomplete,
        ExchangeOutcome.ProxyStopped => ErrorType.ProxyStopped,
        ExchangeOutcome.Rejected when exchange.Rejection is { } reason => Of(reason),
        ExchangeOutcome.Rejected => exchange.StatusCode is null or 503 ? ErrorType.QueueFull : OfStatus(exchange),
        _ => OfText(exchange.Error) ?? OfStatus(exchange),
    };

    /// <summary>The type of a rejection.</summary>
    public static ErrorType Of(RejectionReason reason) => reason switch
    {
        RejectionReason.QueueFull => ErrorType.QueueFull,
        RejectionReason.QueueTimeout => ErrorType.QueueTimeout,
        RejectionReason.BodyStalled => ErrorType.BodyStalled,
        RejectionReason.ProxyFault => ErrorType.ProxyFault,
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "A reason without a type."),
    };

    /// <summary>Ollama and its runner report some errors only in their text, with varying statuses.</summary>
    private static ErrorType? OfText(string? text) =>
        text is null ? null :
        text.AsSpan().ContainsAny(s_outOfMemory) || DoesNotFit(text) ? ErrorType.OutOfMemory :
        text.AsSpan().ContainsAny(s_contextOverflow) ? ErrorType.ContextOverflow :
        text.AsSpan().ContainsAny(s_modelNotFound) || IsModelNotFound(text) ? ErrorType.ModelNotFound :
        text.AsSpan().ContainsAny(s_busy) ? ErrorType.Busy :
        text.AsSpan().ContainsAny(s_badRequest) ? ErrorType.BadRequest :
        null;

    private static ErrorType OfStatus(Exchange exchange) => exchange.StatusCode switch
    {
        < 400 => ErrorType.MidStream,
        // Ollama always says that it lacks a model. A 404 without such a text is a path that this Ollama does not have, whatever model the body names.
        404 => exchange is { Request.Model: not null, Error: not null } ? ErrorType.ModelNotFound : ErrorType.NotFound,
        401 or 403 => ErrorType.Forbidden,
        429 => ErrorType.RateLimited,
        // Ollama canceled the load itself; the request was not at fault.
        499 => ErrorType.UpstreamError,
        503 or 529 => ErrorType.Busy,
        < 500 or 501 => ErrorType.BadRequest,
        _ => ErrorType.UpstreamError,
    };

    /// <summary>"model 'a' not found", in every version's quotes.</summary>
    private static bool IsModelNotFound(string text) => text.StartsWith("model ", StringComparison.OrdinalIgnoreCase) && Says(text, "not found");

    /// <summary>"requires more system memory", "not enough VRAM available", and the MLX runner's "model requires 20 GB but only 8 GB are available".</summary>
    private static bool DoesNotFit(string text) =>
        ((Says(text, "memory") || Says(text, "VRAM")) && text.AsSpan().ContainsAny(s_shortage)) ||
        (Says(text, "requires") && Says(text, "but only") && Says(text, "available"));

    private static bool Says(string text, string words) => text.Contains(words, StringComparison.OrdinalIgnoreCase);
}
