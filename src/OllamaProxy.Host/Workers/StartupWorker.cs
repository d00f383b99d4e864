using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.Host.Workers;

/// <summary>The steps before the first request, in order, and after the last one, in reverse order.</summary>
internal sealed class StartupWorker(
    ReopeningStore store, StoreHealth health, AnalyticsOptions options, IOllamaProcessSupervisor ollama, IHostApplicationLifetime lifetime, TimeProvider time)
    : IHostedService, IAsyncDisposable
{
    /// <summary>How long the start waits for the store, so neither a hanging disk nor the upgrade of a large file blocks clients.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    private Task<bool>? _opening;

    /// <summary>Opens the store on another thread while the program is built, because both take about as long.</summary>
    public void OpenStore(CancellationToken cancellationToken) =>
        _opening = Task.Run(() => options.IsRequired ? OpenAsync(cancellationToken) : store.TendAsync(cancellationToken), cancellationToken);

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (_opening is null)
        {
            OpenStore(cancellationToken);
        }

        if (!options.IsRequired && await Task.WhenAny(_opening!, Task.Delay(s_patience, time, cancellationToken)) != _opening)
        {
            health.Fail("the analytics store is slow to open: a large file is being upgraded, or the disk is slow.");
            if (_opening!.IsCompletedSuccessfully && await _opening)
            {
                // The store may have opened meanwhile; nothing else would clear the problem.
                health.Recover();
            }
        }
        else
        {
            await _opening!;
        }

        lifetime.ApplicationStopping.Register(ollama.Drain);
        await ollama.StartAsync(cancellationToken);
    }

    /// <summary>Hosted services stop in reverse order, so Kestrel has stopped and the recording worker has drained before this runs.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => ollama.StopAsync(cancellationToken);

    /// <summary>If another step of the start fails, the store must not be disposed while it opens. A hanging disk does not delay the exit.</summary>
    public async ValueTask DisposeAsync() =>
        await (_opening ?? Task.CompletedTask).WaitAsync(s_patience).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task<bool> OpenAsync(CancellationToken cancellationToken)
    {
        await store.OpenAsync(cancellationToken);
        return true;
    }
}
