namespace OllamaProxy.Domain;

/// <summary>
/// The analysed fact we keep: one row, one JSON line, one export item. Null is unknown. The first keys are the original program's, with its names
/// and units (seconds as floating point, Unix seconds for the timestamp), so that what read it before still does.
/// </summary>
public sealed record RequestRecord
{
    /// <summary>Position in the store, given by it; 0 until stored.</summary>
    public long Id { get; init; }

    /// <summary>The exchange's own identifier: 32 hexadecimal digits.</summary>
    public required string RequestId { get; init; }

    /// <summary>When the request arrived, UTC.</summary>
    public required DateTimeOffset Timestamp { get; init; }

    /// <summary>The canonical model name (<see cref="ModelName.Normalize"/>); null when the request named none.</summary>
    public string? Model { get; init; }

    /// <summary>The endpoint's label.</summary>
    public required string Endpoint { get; init; }

    public required string Method { get; init; }

    public required string Category { get; init; }

    /// <summary>The prompt, cut to the preview length.</summary>
    public string? Prompt { get; init; }

    public string? System { get; init; }

    /// <summary>The answer, cut to the preview length.</summary>
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

    /// <summary>True when <see cref="OutputTokens"/> was counted from the pieces that passed.</summary>
    public bool TokensEstimated { get; init; }

    public double? TokensPerSecond { get; init; }

    /// <summary>
    /// True when <see cref="TokensPerSecond"/> follows from the arrival of the pieces, false when Ollama measured it (<see cref="TokenSpeed"/>).
    /// </summary>
    public bool SpeedEstimated { get; init; }

    /// <summary>Ollama's own <c>total_duration</c>.</summary>
    public TimeSpan? TotalDuration { get; init; }

    public TimeSpan? LoadDuration { get; init; }

    /// <summary><see cref="LoadCauses.Name"/> of why the model had to be loaded; null when it had not, or that is not known.</summary>
    public string? LoadCause { get; init; }

    public TimeSpan? PromptEvalDuration { get; init; }

    public TimeSpan? EvalDuration { get; init; }

    /// <summary>Waiting in the proxy's own line.</summary>
    public TimeSpan? QueueTime { get; init; }

    /// <summary>Connecting to Ollama; zero when a connection was open already.</summary>
    public TimeSpan? ConnectTime { get; init; }

    /// <summary>
    /// Waiting for Ollama, where it does not say what it did meanwhile (every <c>/v1</c> answer, and every answer that was cut or cancelled): from the moment
    /// it was asked to the first piece of the answer, or to the end when none came. Null when Ollama was not asked, or when its own durations say more. It
    /// follows from stored times, so records of earlier versions have it, too.
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

    /// <summary>Writing the answer: <see cref="EvalDuration"/>, or from the first piece of a stream to the last.</summary>
    public TimeSpan? DecodeTime { get; init; }

    /// <summary>Waiting for the client to take what was there for it.</summary>
    public TimeSpan? BackPressure { get; init; }

    /// <summary>Tokens of the prompt that were not cached, read per second; null where Ollama does not say how many were cached.</summary>
    public double? PromptTokensPerSecond { get; init; }

    /// <summary><see cref="ErrorTypes.Name"/>; null for a success.</summary>
    public string? ErrorType { get; init; }

    /// <summary>How sure it is that Ollama shortened the prompt: <c>certain</c>, <c>likely</c>, or null.</summary>
    public string? Truncation { get; init; }

    public int? StatusCode { get; init; }

    /// <summary><see cref="ExchangeOutcomes.Status"/>.</summary>
    public required string Status { get; init; }

    /// <summary><see cref="ExchangeOutcomes.Name"/>.</summary>
    public required string Outcome { get; init; }

    public string? Error { get; init; }

    public string? FinishReason { get; init; }

    /// <summary>Whether the answer was a stream, whatever the request said; null when no answer came.</summary>
    public bool? Stream { get; init; }

    public string? ClientIp { get; init; }

    public string? UserAgent { get; init; }

    /// <summary>The name of the proxy that recorded it; null in imported records.</summary>
    public string? Proxy { get; init; }

    /// <summary>The name of the proxy's Ollama; null in imported records.</summary>
    public string? Backend { get; init; }

    /// <summary>The application the user agent names (<see cref="ApplicationNames"/>); null when it names none.</summary>
    public string? Application { get; init; }

    /// <summary>The raw request target, path and query.</summary>
    public string? Target { get; init; }

    /// <summary><c>num_predict</c> or <c>max_tokens</c> as asked for.</summary>
    public int? MaxTokens { get; init; }

    /// <summary><c>keep_alive</c> as asked for.</summary>
    public string? KeepAlive { get; init; }

    public int? ToolCallCount { get; init; }

    public long RequestBytes { get; init; }

    public long ResponseBytes { get; init; }

    public int? MessageCount { get; init; }

    public int? ImageCount { get; init; }

    public int? ToolCount { get; init; }

    /// <summary><c>num_ctx</c> as asked for.</summary>
    public int? ContextLength { get; init; }

    public double? Temperature { get; init; }

    /// <summary>False for load, unload and management calls, and for every method but POST.</summary>
    public bool IsInference { get; init; }
}
