using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Workers;

/// <summary>Returns memory to the system after a load. The garbage collector runs only on allocation, so an idle process would keep all of it.</summary>
internal sealed class MemoryWorker(RunningRequests running, TimeProvider time) : BackgroundService
{
    /// <summary>This many concurrent requests count as a load. Fewer leave little memory behind.</summary>
    internal const int Load = 64;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(10);

    /// <summary>The most concurrent requests since the last load ended.</summary>
    private int _most;

    /// <summary>Takes the number of running requests; returns true when a load has ended.</summary>
    internal bool HasLoadEnded(int count)
    {
        var hasEnded = _most >= Load && count <= _most / 4;
        _most = hasEnded ? count : Math.Max(_most, count);
        return hasEnded;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(s_period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            if (HasLoadEnded(running.Count))
            {
                // A blocking collection pauses running requests, so it waits until they are few.
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }
        }
    }
}
