using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Workers;

/// <summary>What must stand before the first request is taken, in order; and what must end after the last one, in the opposite order.</summary>
internal sealed class StartupWorker(IAnalyticsStore store, IOllamaProcessSupervisor ollama, IHostApplicationLifetime lifetime) : IHostedService
{
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await store.OpenAsync(cancellationToken);
        lifetime.ApplicationStopping.Register(ollama.Drain);
        await ollama.StartAsync(cancellationToken);
    }

    /// <summary>Hosted services stop in reverse order, so the recording worker has drained when this runs, and Kestrel has stopped before both.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => ollama.StopAsync(cancellationToken);
}
