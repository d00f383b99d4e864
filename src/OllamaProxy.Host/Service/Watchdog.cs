using Microsoft.Extensions.Hosting.Systemd;

namespace OllamaProxy.Host.Service;

/// <summary>
/// Tells systemd that the program lives, twice in each of its intervals. The thread pool does it, which answers requests too: a program that cannot do this any more
/// cannot do those either, and is started again.
/// </summary>
internal sealed class Watchdog(ISystemdNotifier systemd, TimeProvider time, TimeSpan interval) : BackgroundService
{
    private static readonly ServiceState s_alive = new("WATCHDOG=1");

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(interval / 2, time);
        do
        {
            systemd.Notify(s_alive);
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
