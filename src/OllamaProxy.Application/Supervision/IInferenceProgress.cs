namespace OllamaProxy.Application.Supervision;

/// <summary>What the byte path sees of Ollama's work: whether it is at all alive, and whether its work stands still.</summary>
public interface IInferenceProgress
{
    /// <summary>Whether a byte of any answer came since then. A busy machine may be late with a check while its tokens flow.</summary>
    /// <param name="timestamp">A timestamp of the program's clock.</param>
    bool HasHeardSince(long timestamp);

    /// <summary>
    /// For how long no byte has come for any inference although Ollama has at least one whole request to answer; zero when it has none. A request that is
    /// still being sent, and an answer the client does not take, are not Ollama's silence.
    /// </summary>
    TimeSpan SilentFor();
}
