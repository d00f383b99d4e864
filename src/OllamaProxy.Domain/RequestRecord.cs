namespace OllamaProxy.Domain;

/// <summary>
/// The analyzed fact that is stored: one row, one JSON line, one exported item. Null is unknown. The table of its fields is
/// <c>Application/Analytics/RecordFields.cs</c>.
/// </summary>
public sealed record RequestRecord
{
    /// <summary>The position in the store, which assigns it; 0 until stored.</summary>
    public long Id { get; init; }

    /// <summary>The exchange's own identifier: 32 hexadecimal digits.</summary>
    public required string RequestId { get; init; }

    /// <summary>When the request arrived, UTC.</summary>
    public required DateTimeOffset Timestamp { get; init; }

    /// <summary>The canonical model name (<see cref="ModelName.Normalize"/>); null when the request named none.</summary>
    public string? Model { get; init; }

    public required ApiEndpoint Endpoint { get; init; }

    public required string Method { get; init; }

    public required PromptCategory Category { get; init; }

    /// <summary>The prompt, cut to the preview length.</summary>
    public string? Prompt { get; init; }

    public string? System { get; init; }

    /// <summary>The response, cut to the preview length.</summary>
    public string? Response { get; init; }

    public string? Thinking { get; init; }

    public string? ToolCalls { get; init; }

    /// <summary>Wall-clock duration at the proxy.</summary>
    public required TimeSpan Latency { get; init; }

    public TimeSpan? TimeToFirstToken { get; init; }

    public TimeSpan? TimeToHeaders { get; init; }

    public TimeSpan? MeanGap { get; init; }

    public TimeSpan? LongestGap { get; init; }

    public int? InputTokens { get; init; }

    public int? CachedInputTokens { get; init; }

    public int? OutputTokens { get; init; }

    /// <summary>True when <see cref="OutputTokens"/> was counted from the chunks that passed.</summary>
    public bool TokensEstimated { get; init; }

    public double? TokensPerSecond { get; init; }

    /// <summary>
    /// True when <see cref="TokensPerSecond"/> follows from the arrival of the chunks, false when Ollama measured it (<see cref="TokenSpeed"/>).
    /// </summary>
    public bool SpeedEstimated { get; init; }

    /// <summary>Ollama's own <c>total_duration</c>.</summary>
    public TimeSpan? TotalDuration { get; init; }

    public TimeSpan? LoadDuration { get; init; }

    /// <summary>Why the model had to be loaded; null when it was in memory, or when that is unknown.</summary>
    public LoadCause? LoadCause { get; init; }

    public TimeSpan? PromptEvalDuration { get; init; }

    public TimeSpan? EvalDuration { get; init; }

    /// <summary>Time in the proxy's own queue.</summary>
    public TimeSpan? QueueTime { get; init; }

    /// <summary>Connecting to Ollama; zero when a connection was open already.</summary>
    public TimeSpan? ConnectTime { get; init; }

    /// <summary>
    /// Waiting for Ollama where it does not report what it did (every <c>/v1</c> response, and every response that was cut or cancelled): from sending the
    /// request to the first chunk of the response, or to the end without one. Null when Ollama was not asked, or when its own durations say more. It follows
    /// from stored times, so records of earlier versions have it, too.
    /// </summary>
    public TimeSpan? ResponseWait
    {
        get
        {
            if (ConnectTime is not { } connect || (TotalDuration ?? LoadDuration ?? PromptEvalDuration ?? EvalDuration) is not null)
            {
                return null;
            }

            var wait = (TimeToFirstToken ?? TimeToHeaders ?? Latency) - connect - (QueueTime ?? TimeSpan.Zero);
            return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
        }
    }

    /// <summary>Waiting inside Ollama (<see cref="ExchangePhases.EngineWait"/>).</summary>
    public TimeSpan? EngineWait { get; init; }

    /// <summary>Writing the response: <see cref="EvalDuration"/>, or from the first chunk of a stream to the last.</summary>
    public TimeSpan? DecodeTime { get; init; }

    /// <summary>Waiting for the client to read what was sent.</summary>
    public TimeSpan? BackPressure { get; init; }

    /// <summary>Uncached prompt tokens per second; null where Ollama does not report how many were cached.</summary>
    public double? PromptTokensPerSecond { get; init; }

    /// <summary>Null for a success.</summary>
    public ErrorType? ErrorType { get; init; }

    /// <summary>How certain it is that Ollama truncated the prompt; null when nothing suggests it.</summary>
    public Truncation? Truncation { get; init; }

    public int? StatusCode { get; init; }

    /// <summary><see cref="ExchangeOutcomes.Status"/> of <see cref="Outcome"/>.</summary>
    public string Status => Outcome.Status();

    public required ExchangeOutcome Outcome { get; init; }

    public string? Error { get; init; }

    public string? FinishReason { get; init; }

    /// <summary>Whether the response was a stream, whatever the request asked for; null without a response.</summary>
    public bool? Stream { get; init; }

    public string? ClientIp { get; init; }

    public string? UserAgent { get; init; }

    /// <summary>The name of the proxy that recorded it; null in imported records.</summary>
    public string? Proxy { get; init; }

    /// <summary>The name of the proxy's Ollama; null in imported records.</summary>
    public string? Backend { get; init; }

    /// <summary>The application that the user agent names (<see cref="ApplicationNames"/>); null when it names none.</summary>
    public string? Application { get; init; }

    /// <summary>The raw request target, path and query.</summary>
    public string? Target { get; init; }

    /// <summary><c>num_predict</c> or <c>max_tokens</c> as requested.</summary>
    public int? MaxTokens { get; init; }

    /// <summary><c>keep_alive</c> as requested.</summary>
    public string? KeepAlive { get; init; }

    public int? ToolCallCount { get; init; }

    public long RequestBytes { get; init; }

    public long ResponseBytes { get; init; }

    public int? MessageCount { get; init; }

    public int? ImageCount { get; init; }

    public int? ToolCount { get; init; }

    /// <summary><c>num_ctx</c> as requested.</summary>
    public int? ContextLength { get; init; }

    public double? Temperature { get; init; }

    /// <summary>False for load, unload and management calls, and for every method but POST.</summary>
    public bool IsInference { get; init; }

    /// <summary>Whether any of the texts is there that retention may remove before the record.</summary>
    public bool HasText => (Prompt ?? System ?? Response ?? Thinking ?? ToolCalls) is not null;

    public RequestRecord WithoutText() => this with { Prompt = null, System = null, Response = null, Thinking = null, ToolCalls = null };
}
