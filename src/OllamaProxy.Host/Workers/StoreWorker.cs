using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.Host.Workers;

/// <summary>Keeps the store open: retries while it cannot be opened, and regularly checks that its files still exist.</summary>
internal sealed class StoreWorker(ReopeningStore store, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(500);

    /// <summary>The time between two checks of an open store, and the longest pause between attempts to open it.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var pause = s_firstPause;
        while (true)
        {
            if (await store.TendAsync(stoppingToken))
            {
                pause = s_firstPause;
                await store.WaitForNeedAsync(s_pause, stoppingToken);
            }
            else
            {
                await Task.Delay(pause, time, stoppingToken);
                pause = pause * 2 < s_pause ? pause * 2 : s_pause;
            }
        }
    }
}
