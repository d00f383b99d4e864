namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The counts and sums of a set of records. Stores have a column for each, named in snake case.</summary>
internal enum StatNumber
{
    Requests,
    Successes,
    Errors,
    Cancelled,
    InputTokens,
    CachedInputTokens,
    OutputTokens,

    /// <summary>Requests for which Ollama loaded the model.</summary>
    Loads,

    /// <summary>Microseconds that those loads took.</summary>
    LoadUs,

    /// <summary>Requests whose prompt Ollama truncated, certainly or likely.</summary>
    Truncated,
}
