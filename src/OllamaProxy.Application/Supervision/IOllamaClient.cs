namespace OllamaProxy.Application.Supervision;

/// <summary>The proxy's own requests to Ollama. They are neither recorded nor measured.</summary>
public interface IOllamaClient
{
    /// <summary>The installed models (<c>GET /api/tags</c>), named as Ollama names them.</summary>
    Task<OllamaAnswer<IReadOnlyList<InstalledModel>>> ListModelsAsync(CancellationToken cancellationToken);

    /// <summary>The models in memory (<c>GET /api/ps</c>), without those that are still loading.</summary>
    Task<OllamaAnswer<IReadOnlyList<LoadedModel>>> ListLoadedModelsAsync(CancellationToken cancellationToken);

    Task<OllamaAnswer<string>> VersionAsync(CancellationToken cancellationToken);

    /// <summary>Ollama's own metrics (<c>GET /metrics</c>) as Prometheus text; few versions have them. Gives up before the scrape times out.</summary>
    Task<OllamaAnswer<string>> MetricsAsync(CancellationToken cancellationToken);
}

/// <summary>Ollama's answer, or the reason there is none.</summary>
/// <param name="Value">The answer; null without one.</param>
/// <param name="Problem">The reason, readable by a person; null with an answer.</param>
public readonly record struct OllamaAnswer<T>(T? Value, string? Problem)
    where T : class
{
    /// <summary>True when the connection failed: no Ollama is listening. False when Ollama is there and did not answer in time.</summary>
    public bool IsUnreachable { get; init; }
}
