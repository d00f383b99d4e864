using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Recording;

public sealed class ExchangeQueueTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();

    [Fact]
    public void A_full_queue_drops_at_once_and_counts_the_dropped_exchanges()
    {
        var (queue, dropped) = Create(capacity: 2);

        var taken = Enumerable.Range(0, 5).Select(_ => queue.TryEnqueue(AnExchange())).ToArray();

        Assert.Equal([true, true, false, false, false], taken);
        Assert.Equal(3, dropped());
    }

    [Fact]
    public async Task Queued_exchanges_can_be_read_after_the_queue_is_closed()
    {
        var (queue, dropped) = Create(capacity: 10);
        queue.TryEnqueue(AnExchange());
        queue.TryEnqueue(AnExchange());

        queue.Complete();

        Assert.Equal(2, await queue.Reader.ReadAllAsync(TestContext.Current.CancellationToken).CountAsync(TestContext.Current.CancellationToken));
        Assert.False(queue.TryEnqueue(AnExchange()));
        Assert.Equal(1, dropped());
    }

    public void Dispose() => _services.Dispose();

    private (ExchangeQueue Queue, Func<long> Dropped) Create(int capacity)
    {
        var meters = _services.GetRequiredService<IMeterFactory>();
        var metrics = new ProxyMetrics(meters, new MetricsOptions(), new ModelNames());
        var dropped = 0L;
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Name == "ollama_proxy_records_dropped_total" && instrument.Meter.Scope == meters)
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, measurement, _, _) => dropped += measurement);
        listener.Start();
        return (new ExchangeQueue(new RecordingOptions { QueueCapacity = capacity }, metrics), () => dropped);
    }

    private static Exchange AnExchange() => new()
    {
        Id = Guid.CreateVersion7().ToString("N"),
        StartedAt = DateTimeOffset.UnixEpoch,
        Duration = TimeSpan.Zero,
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        Outcome = ExchangeOutcome.Completed,
    };
}
