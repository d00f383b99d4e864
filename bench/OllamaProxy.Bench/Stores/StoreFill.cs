using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.Bench.Stores;

/// <summary>How a store was filled.</summary>
/// <param name="Seconds">How long the writing took.</param>
/// <param name="Bytes">The size of the store by its own account.</param>
/// <param name="UpkeepSeconds">How long the sums and the text index of past days took; null for a store that makes them while it writes.</param>
internal sealed record StoreFill(double Seconds, long Bytes, double? UpkeepSeconds)
{
    /// <summary>Fills a store through its own interface, batch by batch.</summary>
    /// <param name="options">The store.</param>
    /// <param name="records">The records.</param>
    /// <param name="count">How many there are.</param>
    /// <param name="stop">Ends it.</param>
    /// <param name="batchSize">How many are written at once.</param>
    public static async Task<StoreFill> RunAsync(
        AnalyticsOptions options, IEnumerable<RequestRecord> records, int count, CancellationToken stop, int batchSize = 1_000)
    {
        await using var provider = Services(options);
        var store = provider.GetRequiredService<ReopeningStore>();
        await store.OpenAsync(stop);
        if (store.Current is PostgresAnalyticsStore opened)
        {
            // It would index a day of which only the first records are there.
            await opened.Upkeep;
        }

        var (ticks, written, tenth) = (0L, 0, Math.Max(1, count / 10));
        foreach (var batch in records.Chunk(batchSize))
        {
            var begun = Stopwatch.GetTimestamp();
            await store.WriteAsync(batch, stop);
            ticks += Stopwatch.GetTimestamp() - begun;
            written += batch.Length;
            if (written / tenth > (written - batch.Length) / tenth)
            {
                var rate = written * Stopwatch.Frequency / ticks;
                await Console.Error.WriteLineAsync($"stores: {options.Backend}: {written:N0} of {count:N0} records, {rate:N0}/s");
            }
        }

        if (store.Current is ISqliteAnalyticsStore sqlite)
        {
            await sqlite.CheckpointAsync(stop);
        }

        double? upkeepSeconds = null;
        if (store.Current is PostgresAnalyticsStore postgres)
        {
            await postgres.Upkeep;
            var begun = Stopwatch.GetTimestamp();
            await postgres.MaintainAsync();
            upkeepSeconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        }

        return new StoreFill((double)ticks / Stopwatch.Frequency, (await store.DescribeAsync(stop)).SizeBytes, upkeepSeconds);
    }

    /// <summary>The services of a store.</summary>
    public static ServiceProvider Services(AnalyticsOptions options)
    {
        var services = new ServiceCollection();
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(options);
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>)).AddSingleton<StoreHealth>();
        services.AddInfrastructure();
        return services.BuildServiceProvider();
    }
}
