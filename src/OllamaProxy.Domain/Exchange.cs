using System.Diagnostics;

namespace OllamaProxy.Domain;

/// <summary>One request and its answer as they passed through: complete, with timing and outcome. Made once, after the last byte, and never changed.</summary>
public sealed record Exchange
{
    /// <summary>Ours, unique; 32 hexadecimal digits, time-ordered (a version 7 UUID).</summary>
    public required string Id { get; init; }

    /// <summary>When the request's headers were complete at the proxy, UTC.</summary>
    public required DateTimeOffset StartedAt { get; init; }

    /// <summary>From <see cref="StartedAt"/> to the last byte of the answer handed to the client's connection, or to the fault that ended it.</summary>
    public required TimeSpan Duration { get; init; }

    public required ApiEndpoint Endpoint { get; init; }

    public required string Method { get; init; }

    /// <summary>The raw request target, as received; cut to 2,048 characters.</summary>
    public required string Target { get; init; }

    /// <summary>The status the client got; null when it got none.</summary>
    public int? StatusCode { get; init; }

    public required ExchangeOutcome Outcome { get; init; }

    /// <summary>Why the proxy rejected it; null unless the outcome is <see cref="ExchangeOutcome.Rejected"/>.</summary>
    public RejectionReason? Rejection { get; init; }

    /// <summary>Ollama's error text, or ours; null when there was no error. Never contains prompt text of ours.</summary>
    public string? Error { get; init; }

    /// <summary>The peer's address without port, or the client's own when a trusted proxy names it.</summary>
    public string? ClientAddress { get; init; }

    public string? UserAgent { get; init; }

    public long RequestBytes { get; init; }

    public long ResponseBytes { get; init; }

    /// <summary>From the start to the status line of the answer; null when none came.</summary>
    public TimeSpan? TimeToHeaders { get; init; }

    /// <summary>Queued in the proxy for a slot; zero when one was free at once, null when the request did not ask for one.</summary>
    public TimeSpan? QueueTime { get; init; }

    /// <summary>Connecting to Ollama; zero when a connection was open already, null when Ollama was not asked.</summary>
    public TimeSpan? ConnectTime { get; init; }

    /// <summary>Waiting for the client to take what was there for it; null when there was nothing.</summary>
    public TimeSpan? BackPressure { get; init; }

    /// <summary>
    /// What the proxy itself needed before Ollama was asked, without the time in its queue and without the wait for the client's body; null when Ollama was not
    /// asked, or the body had to be rewritten.
    /// </summary>
    public TimeSpan? RequestOverhead { get; init; }

    /// <summary>
    /// From the arrival of the answer's first bytes to their being handed to the client's connection, without the client's own slowness; null when there were
    /// none.
    /// </summary>
    public TimeSpan? ResponseOverhead { get; init; }

    /// <summary>The caller's <c>traceparent</c>; null when it sent none, or tracing is off.</summary>
    public string? TraceParent { get; init; }

    /// <summary>The caller's <c>tracestate</c>, likewise.</summary>
    public string? TraceState { get; init; }

    /// <summary>The span whose identity went to Ollama with the request; null unless that is switched on.</summary>
    public Activity? Span { get; init; }

    public RequestFacts Request { get; init; } = RequestFacts.Unknown;

    public ResponseFacts Response { get; init; } = ResponseFacts.Unknown;

    /// <summary>True when Ollama was asked to run a model. An endpoint alone is not enough: the method decides, and so does what the answer was.</summary>
    public bool IsInference => Endpoint.RunsModel(Method) && StatusCode != 405 && Response.IsInference;
}

/// <summary>What a reader understood of a request body. Texts are bounded by the reader; null is unknown.</summary>
public sealed record RequestFacts
{
    public static RequestFacts Unknown { get; } = new();

    /// <summary>The model as the client spelled it.</summary>
    public string? Model { get; init; }

    /// <summary>The text the user asked with: <c>prompt</c>, the content of the last message, or the embedding input.</summary>
    public string? Prompt { get; init; }

    /// <summary>The system prompt: <c>system</c>, or the first system message.</summary>
    public string? System { get; init; }

    /// <summary>Whether the client asked for a stream; null when it did not say (the default depends on the endpoint).</summary>
    public bool? Stream { get; init; }

    /// <summary>Bytes (UTF-8) of text in the whole request: prompt, system and every message; for judging truncation. Null when there was none.</summary>
    public long? TextLength { get; init; }

    public int? MessageCount { get; init; }

    public int? ImageCount { get; init; }

    public int? ToolCount { get; init; }

    /// <summary><c>options.num_ctx</c>.</summary>
    public int? ContextLength { get; init; }

    /// <summary><c>options.num_keep</c>: tokens at the prompt's beginning that a shortened prompt keeps.</summary>
    public int? KeptTokens { get; init; }

    /// <summary><c>options.num_predict</c>, or <c>max_tokens</c>.</summary>
    public int? MaxTokens { get; init; }

    /// <summary><c>options.temperature</c>, or <c>temperature</c>.</summary>
    public double? Temperature { get; init; }

    /// <summary><c>keep_alive</c> as sent: a number of seconds or a Go duration.</summary>
    public string? KeepAlive { get; init; }

    /// <summary>Why the body could not be read; null when it was. The other facts are then unknown, except where it is <see cref="Malformed"/>.</summary>
    public ParseFailure? Failure { get; init; }

    /// <summary>True when the body was no JSON the reader could follow to its end.</summary>
    public bool Malformed => Failure == ParseFailure.Malformed;
}

/// <summary>What a reader understood of an answer. Texts are bounded by the reader; null is unknown.</summary>
public sealed record ResponseFacts
{
    public static ResponseFacts Unknown { get; } = new();

    /// <summary>The facts of an answer that could not be read.</summary>
    /// <param name="failure">Why.</param>
    /// <param name="error">The error the answer carried before that, or null: a reader that is off must not hide one.</param>
    public static ResponseFacts Unread(ParseFailure failure, string? error) => new() { Failure = failure, Error = error };

    /// <summary>The model as the answer spells it.</summary>
    public string? Model { get; init; }

    public string? Text { get; init; }

    public string? Thinking { get; init; }

    /// <summary>The tool calls as a JSON array of <c>{"name","arguments"}</c>; null when there were none.</summary>
    public string? ToolCalls { get; init; }

    public int? ToolCallCount { get; init; }

    /// <summary><c>done_reason</c> or <c>finish_reason</c>.</summary>
    public string? FinishReason { get; init; }

    public TokenUsage Usage { get; init; } = TokenUsage.Unknown;

    /// <summary>An error the body carried: Ollama's own text.</summary>
    public string? Error { get; init; }

    /// <summary>Why the body could not be read; null when it was. The other facts are then unknown, except an error that was seen before.</summary>
    public ParseFailure? Failure { get; init; }

    /// <summary>True once the dialect's terminator was seen (<c>"done":true</c>, <c>[DONE]</c>); for a plain answer, once its JSON was whole.</summary>
    public bool Terminated { get; init; }

    /// <summary>True when the answer came as a stream of pieces.</summary>
    public bool Streamed { get; init; }

    /// <summary>Pieces that carried text, thinking or a tool call.</summary>
    public int ContentPieces { get; init; }

    /// <summary>
    /// From the exchange's start to the first piece that carried something; null for answers that are not streamed, where no first token can be seen.
    /// </summary>
    public TimeSpan? TimeToFirstToken { get; init; }

    /// <summary>The mean pause between pieces; null with fewer than two.</summary>
    public TimeSpan? MeanGap { get; init; }

    /// <summary>The longest pause between pieces. In a stream that was cut it may be the silence before the cut. Null when there was no pause.</summary>
    public TimeSpan? LongestGap { get; init; }

    /// <summary>False for answers that ran no model: load and unload answers and rendered-prompt dumps.</summary>
    public bool IsInference { get; init; } = true;
}
