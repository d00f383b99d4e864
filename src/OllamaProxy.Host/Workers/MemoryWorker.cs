using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Workers;

/// <summary>
/// Returns memory to the system when a load has gone. The collector works when memory is allocated, so without requests it would keep what a load left behind.
/// </summary>
internal sealed class MemoryWorker(RunningRequests running, TimeProvider time) : BackgroundService
{
    /// <summary>So many requests at once are a load. Fewer leave little behind.</summary>
    private const int Load = 64;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var most = 0;
        using var timer = new PeriodicTimer(s_period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var now = running.Count;
            if (most >= Load && now <= most / 4)
            {
                // Takes some ten milliseconds, in which the few requests that are left wait.
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                most = now;
            }

            most = Math.Max(most, now);
        }
    }
}
