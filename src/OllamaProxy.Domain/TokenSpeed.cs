namespace OllamaProxy.Domain;

/// <summary>How fast a model wrote an answer.</summary>
/// <param name="TokensPerSecond">Generated tokens per second of decoding.</param>
/// <param name="IsEstimated">False for Ollama's own measurement, true when it follows from the arrival of the pieces of a stream.</param>
public readonly record struct TokenSpeed(double TokensPerSecond, bool IsEstimated)
{
    /// <summary>No model writes this fast: such pieces were buffered on their way and arrived together.</summary>
    private const double FastestEstimate = 10_000;

    /// <summary>
    /// Ollama's own speed (<c>eval_count / eval_duration</c>), or else <c>tokens / (pieces * mean gap)</c>. P pieces span P - 1 gaps, so this is the tokens of
    /// a piece over the time from one piece to the next. In recordings of a real Ollama it is at most 1/tokens below Ollama's own speed. Null when neither is
    /// known.
    /// </summary>
    public static TokenSpeed? Of(ResponseFacts answer)
    {
        var usage = answer.Usage;
        if (usage.TokensPerSecond is { } measured)
        {
            return new TokenSpeed(measured, IsEstimated: false);
        }

        // Ollama holds a tool call back until it is complete, so a few pieces may carry all tokens and their gaps say nothing.
        if (usage.CompletionTokens is not (> 0 and var tokens) || answer.MeanGap is not { } gap || gap <= TimeSpan.Zero
            || (answer.ToolCallCount > 0 && tokens > 2 * answer.ContentPieces))
        {
            return null;
        }

        var estimate = tokens / (answer.ContentPieces * gap.TotalSeconds);
        return estimate <= FastestEstimate ? new TokenSpeed(estimate, IsEstimated: true) : null;
    }
}
