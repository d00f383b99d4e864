namespace OllamaProxy.Domain;

/// <summary>
/// What a generation cost. Null is unknown and never zero: Ollama omits every field that is zero or that it does not know,
/// and a cut stream carries none at all. Durations are Ollama's own (nanoseconds on the wire), on its clock.
/// </summary>
public sealed record TokenUsage
{
    public static TokenUsage Unknown { get; } = new();

    /// <summary>Prompt tokens the model saw, cached ones included (<c>prompt_eval_count</c>).</summary>
    public int? PromptTokens { get; init; }

    /// <summary>The part of <see cref="PromptTokens"/> that came from the KV cache (<c>prompt_eval_cached_count</c>), when the server reports it.</summary>
    public int? CachedPromptTokens { get; init; }

    /// <summary>Generated tokens, thinking and tool-call text included (<c>eval_count</c>).</summary>
    public int? CompletionTokens { get; init; }

    /// <summary>From the start of Ollama's handler to the last token (<c>total_duration</c>).</summary>
    public TimeSpan? TotalDuration { get; init; }

    /// <summary>Until the model was ready, waiting for a place in the scheduler included (<c>load_duration</c>).</summary>
    public TimeSpan? LoadDuration { get; init; }

    /// <summary>Time on the uncached part of the prompt only (<c>prompt_eval_duration</c>).</summary>
    public TimeSpan? PromptEvalDuration { get; init; }

    /// <summary>Decoding time (<c>eval_duration</c>).</summary>
    public TimeSpan? EvalDuration { get; init; }

    /// <summary>True when <see cref="CompletionTokens"/> was counted from the pieces that passed, a lower bound, because the wire carried no count.</summary>
    public bool Estimated { get; init; }

    /// <summary>
    /// Generated tokens per second of decoding: <c>eval_count / eval_duration</c>. Null when either is unknown or zero, or the count is an estimate.
    /// </summary>
    public double? TokensPerSecond =>
        !Estimated && CompletionTokens is > 0 and { } tokens && EvalDuration is { } time && time > TimeSpan.Zero ? tokens / time.TotalSeconds : null;

    /// <summary>
    /// Prompt tokens per second: only known when the server says how many tokens were cached, because <c>prompt_eval_count</c> includes them and
    /// <c>prompt_eval_duration</c> does not.
    /// </summary>
    public double? PromptTokensPerSecond =>
        PromptTokens is { } all && CachedPromptTokens is { } cached && all > cached && PromptEvalDuration is { } time && time > TimeSpan.Zero
            ? (all - cached) / time.TotalSeconds
            : null;
}
