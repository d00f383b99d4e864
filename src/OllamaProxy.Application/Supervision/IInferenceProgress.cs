namespace OllamaProxy.Application.Supervision;

/// <summary>The byte path's view of Ollama: whether it still sends bytes, and whether its inferences are stalled.</summary>
public interface IInferenceProgress
{
    /// <summary>True when Ollama sent a byte of any response after this timestamp. On a busy machine a check can be late while tokens still flow.</summary>
    bool HasHeardSince(long timestamp);

    /// <summary>
    /// Time since Ollama last sent a byte for any inference it has completely received; zero without one. Requests that are still arriving and responses
    /// that the client does not read do not count.
    /// </summary>
    TimeSpan SilentFor();
}
