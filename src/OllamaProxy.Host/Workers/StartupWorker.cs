using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Workers;

/// <summary>What must stand before the first request is taken, in order; and what must end after the last one, in the opposite order.</summary>
internal sealed class StartupWorker(IAnalyticsStore store, IOllamaProcessSupervisor ollama, IHostApplicationLifetime lifetime) : IHostedService, IAsyncDisposable
{
    private Task? _opening;

    /// <summary>Begins with the store, on another thread, while the rest of the program is put together: each takes about as long as the other.</summary>
    public void OpenStore(CancellationToken cancellationToken) => _opening = Task.Run(() => store.OpenAsync(cancellationToken), cancellationToken);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await (_opening ?? store.OpenAsync(cancellationToken));
        lifetime.ApplicationStopping.Register(ollama.Drain);
        await ollama.StartAsync(cancellationToken);
    }

    /// <summary>Hosted services stop in reverse order, so the recording worker has drained when this runs, and Kestrel has stopped before both.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => ollama.StopAsync(cancellationToken);

    /// <summary>Where the start fails elsewhere, the store must not go while it is being opened.</summary>
    public async ValueTask DisposeAsync() => await (_opening ?? Task.CompletedTask).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
