using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.Host.Workers;

/// <summary>Keeps the store open: tries again while it cannot be opened, and looks now and then whether its files are still there.</summary>
internal sealed class StoreWorker(ReopeningStore store, TimeProvider time) : BackgroundService
{
    private static readonly TimeSpan s_firstPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Between two looks at an open store, and the longest pause before one that cannot be opened is tried again.</summary>
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
