namespace OllamaProxy.Application.Supervision;

/// <summary>Asks Ollama what the proxy itself wants to know. These questions are not traffic: they are neither recorded nor measured.</summary>
public interface IOllamaClient
{
    /// <summary>The models Ollama has (<c>GET /api/tags</c>), by the names it gives them.</summary>
    Task<OllamaAnswer<IReadOnlyList<string>>> ListModelsAsync(CancellationToken cancellationToken);
}

/// <summary>What Ollama said, or why it is not known.</summary>
/// <param name="Value">The answer; null when there is none.</param>
/// <param name="Problem">Why there is none, fit for a person; null when there is.</param>
public readonly record struct OllamaAnswer<T>(T? Value, string? Problem)
    where T : class;
