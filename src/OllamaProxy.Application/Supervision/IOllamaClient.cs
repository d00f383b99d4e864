namespace OllamaProxy.Application.Supervision;

/// <summary>Asks Ollama what the proxy itself wants to know. These questions are not traffic: they are neither recorded nor measured.</summary>
public interface IOllamaClient
{
    /// <summary>The models Ollama has (<c>GET /api/tags</c>), by the names it gives them.</summary>
    Task<OllamaAnswer<IReadOnlyList<InstalledModel>>> ListModelsAsync(CancellationToken cancellationToken);

    /// <summary>The models in memory (<c>GET /api/ps</c>). One that is still loading is not among them.</summary>
    Task<OllamaAnswer<IReadOnlyList<LoadedModel>>> ListLoadedModelsAsync(CancellationToken cancellationToken);

    /// <summary>Ollama's version (<c>GET /api/version</c>).</summary>
    Task<OllamaAnswer<string>> VersionAsync(CancellationToken cancellationToken);

    /// <summary>
    /// Ollama's own metrics (<c>GET /metrics</c>) in Prometheus' text format, which few versions have. Asked for at a scrape: gives up before that does.
    /// </summary>
    Task<OllamaAnswer<string>> MetricsAsync(CancellationToken cancellationToken);
}

/// <summary>What Ollama said, or why it is not known.</summary>
/// <param name="Value">The answer; null when there is none.</param>
/// <param name="Problem">Why there is none, fit for a person; null when there is.</param>
public readonly record struct OllamaAnswer<T>(T? Value, string? Problem)
    where T : class
{
    /// <summary>True when no connection could be made, which is more than no answer in time: there is no Ollama.</summary>
    public bool IsUnreachable { get; init; }
}
