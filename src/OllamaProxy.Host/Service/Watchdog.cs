using Microsoft.Extensions.Hosting.Systemd;

namespace OllamaProxy.Host.Service;

/// <summary>
/// Notifies systemd's watchdog twice per interval. It runs on the thread pool, which also answers requests: a program that cannot run this cannot serve, and is
/// restarted.
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
