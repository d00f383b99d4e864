using OllamaProxy.Application.Analytics;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.Host.Workers;

/// <summary>Removes records that are older than the user wants to keep them: at the start, then every hour.</summary>
internal sealed partial class RetentionWorker(IAnalyticsStore store, AnalyticsOptions options, TimeProvider time, ILogger<RetentionWorker> logger) : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.RetentionDays == 0 || !store.Remembers)
        {
            return;
        }

        using var timer = new PeriodicTimer(s_interval, time);
        do
        {
            try
            {
                var (removed, _) = await store.RetainAsync(new RetentionRules(time.GetUtcNow().AddDays(-options.RetentionDays), null, null), stoppingToken);
                if (removed > 0)
                {
                    Log.Removed(logger, removed, options.RetentionDays);
                }
            }
            // A store that is locked or full is tried again in an hour.
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                Log.NotRemoved(logger, exception);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "{Count} records older than {Days} days were removed.")]
        public static partial void Removed(ILogger logger, long count, int days);

        [LoggerMessage(2, LogLevel.Warning, "Old records could not be removed; the next try is in an hour.")]
        public static partial void NotRemoved(ILogger logger, Exception exception);
    }
}
