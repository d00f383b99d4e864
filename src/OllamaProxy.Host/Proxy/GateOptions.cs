namespace OllamaProxy.Host.Proxy;

/// <summary>How many inferences run at once, and how many wait for how long.</summary>
internal sealed record GateOptions
{
    /// <summary>1 to 100,000, default 50.</summary>
    public int MaxConcurrent { get; init; } = 50;

    /// <summary>Requests that may wait; more are turned away. 0 (none waits) to 100,000, default 512.</summary>
    public int MaxQueued { get; init; } = 512;

    /// <summary>The longest wait in the queue; zero, the default, is without end, as Ollama's own queue.</summary>
    public TimeSpan QueueTimeout { get; init; }
}
