namespace OllamaProxy.Host.Admission;

/// <summary>How many inferences run at once, and how many wait for how long.</summary>
internal sealed record GateOptions
{
    /// <summary>1 to 100,000, default 50.</summary>
    public int MaxConcurrent { get; init; } = 50;

    /// <summary>Requests that may wait; more are refused. 0 (no queue) to 100,000, default 512.</summary>
    public int MaxQueued { get; init; } = 512;

    /// <summary>The longest wait in the queue. Zero, the default, is no limit, as in Ollama's own queue.</summary>
    public TimeSpan QueueTimeout { get; init; }
}
