using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.Bench.Stores;

/// <summary>Fills a store through its own door, batch by batch.</summary>
internal static class StoreFill
{
    private const int BatchSize = 1_000;

    /// <returns>Seconds that the writing took.</returns>
    public static async Task<double> RunAsync(string backend, string folder, IEnumerable<RequestRecord> records, int count, CancellationToken stop)
    {
        var services = new ServiceCollection();
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(new AnalyticsOptions { Backend = backend, Directory = folder, RetentionDays = 0 });
        services.AddSingleton(typeof(ILogger<>), typeof(NullLogger<>)).AddSingleton<StoreHealth>();
        services.AddInfrastructure();
        await using var provider = services.BuildServiceProvider();
        var store = provider.GetRequiredService<ReopeningStore>();
        await store.OpenAsync(stop);
        var (ticks, written) = (0L, 0);
        foreach (var batch in records.Chunk(BatchSize))
        {
            var begun = Stopwatch.GetTimestamp();
            await store.WriteAsync(batch, stop);
            ticks += Stopwatch.GetTimestamp() - begun;
            written += batch.Length;
            if (written % (count / 10) < BatchSize)
            {
                await Console.Error.WriteLineAsync($"stores: {backend}: {written} of {count} records");
            }
        }

        if (store.Current is ISqliteAnalyticsStore sqlite)
        {
            await sqlite.CheckpointAsync(stop);
        }

        return (double)ticks / Stopwatch.Frequency;
    }
}
