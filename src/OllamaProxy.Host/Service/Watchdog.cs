using Microsoft.Extensions.Hosting.Systemd;

namespace OllamaProxy.Host.Service;

/// <summary>
/// Notifies systemd's watchdog twice in each interval. The thread pool does it, because it also answers requests: a program that cannot do this cannot serve,
/// and is restarted.
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
