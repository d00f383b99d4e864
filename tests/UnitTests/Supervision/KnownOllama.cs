using OllamaProxy.Application.Supervision;

namespace OllamaProxy.UnitTests.Supervision;

/// <summary>An Ollama whose state and models a test sets.</summary>
internal sealed class KnownOllama : IOllamaClient, IOllamaProcessSupervisor
{
    public static LoadedModel Phi4 { get; } = new("phi4:latest") { Size = 100, VramSize = 60, ContextLength = 4_096 };

    public OllamaAnswer<IReadOnlyList<LoadedModel>> Loaded { get; set; } = new([Phi4], null);

    public int Polls { get; private set; }

    public int Details { get; private set; }

    public OllamaState State { get; set; } = OllamaState.Ready;

    public int? ProcessId { get; set; } = 42;

    public Uri Backend { get; } = new("http://127.0.0.1:9");

    public Task<OllamaAnswer<IReadOnlyList<LoadedModel>>> ListLoadedModelsAsync(CancellationToken cancellationToken)
    {
        Polls++;
        return Task.FromResult(Loaded);
    }

    public Task<OllamaAnswer<IReadOnlyList<InstalledModel>>> ListModelsAsync(CancellationToken cancellationToken)
    {
        Details++;
        return Task.FromResult(new OllamaAnswer<IReadOnlyList<InstalledModel>>([new("phi4:latest", 100), new("Llama3:latest", 200)], null));
    }

    public Task<OllamaAnswer<string>> VersionAsync(CancellationToken cancellationToken) => Task.FromResult(new OllamaAnswer<string>("0.32.15", null));

    public Task<OllamaAnswer<string>> MetricsAsync(CancellationToken cancellationToken) => Task.FromResult(new OllamaAnswer<string>(null, "It has none."));

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task<bool> WaitAsync(TimeSpan limit, CancellationToken cancellationToken) => Task.FromResult(State.AcceptsRequests());

    public Task<bool> WaitForSuccessorAsync(int? processId, TimeSpan limit, CancellationToken cancellationToken) => Task.FromResult(false);

    public int RequestedChecks { get; private set; }

    public void RequestCheck() => RequestedChecks++;

    public void Drain()
    {
    }

    public void KillAtOnce()
    {
    }
}
