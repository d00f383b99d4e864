using OllamaProxy.Application.Analytics;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.Host.Workers;

/// <summary>Removes records and texts beyond their retention: at the start, then every hour.</summary>
internal sealed partial class RetentionWorker(IAnalyticsStore store, AnalyticsOptions options, TimeProvider time, ILogger<RetentionWorker> logger)
    : BackgroundService
{
    private static readonly TimeSpan s_interval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.RulesAt(time.GetUtcNow()) == new RetentionRules(null, null, null) || !store.Remembers)
        {
            return;
        }

        using var timer = new PeriodicTimer(s_interval, time);
        do
        {
            try
            {
                var (records, texts) = await store.RetainAsync(options.RulesAt(time.GetUtcNow()), stoppingToken);
                if (records + texts > 0)
                {
                    Log.Removed(logger, records, texts);
                }
            }
            // The store is not open, and logs that itself.
            catch (AnalyticsStoreException)
            {
            }
            // A locked or full store is retried in an hour.
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                Log.NotRemoved(logger, exception);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Information, "Retention: records removed: {Records}, texts removed from other records: {Texts}.")]
        public static partial void Removed(ILogger logger, long records, long texts);

        [LoggerMessage(2, LogLevel.Warning, "Old records could not be removed; the next try is in an hour.")]
        public static partial void NotRemoved(ILogger logger, Exception exception);
    }
}
