using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;

namespace OllamaProxy.Host.Demo;

/// <summary>Writes the history into an empty store, after the store is open and before the server listens, so every page shows it.</summary>
internal sealed class DemoHistoryWorker(IAnalyticsStore store, RecordTexts texts, TimeProvider time) : IHostedService
{
    private const int Batch = 1_000;

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!store.Remembers || (await store.DescribeAsync(cancellationToken)).TotalRecords > 0)
        {
            return;
        }

        foreach (var batch in DemoHistory.Before(texts, time.GetLocalNow()).Chunk(Batch))
        {
            await store.WriteAsync(batch, cancellationToken);
        }
    }

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
