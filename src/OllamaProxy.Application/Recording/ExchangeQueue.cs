using System.Threading.Channels;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>
/// The bounded queue between the byte path and the recording worker. It never blocks: when it is full, the exchange is dropped and counted, because no client
/// may wait for analytics.
/// </summary>
public sealed class ExchangeQueue
{
    private readonly Channel<Exchange> _channel;
    private readonly ProxyMetrics _metrics;

    public ExchangeQueue(RecordingOptions options, ProxyMetrics metrics)
    {
        _metrics = metrics;
        _channel = Channel.CreateBounded<Exchange>(new BoundedChannelOptions(options.QueueCapacity)
        {
            FullMode = BoundedChannelFullMode.Wait,
            SingleReader = true,
            AllowSynchronousContinuations = false,
        });
        metrics.ObserveQueue(() => _channel.Reader.Count);
    }

    public ChannelReader<Exchange> Reader => _channel.Reader;

    /// <summary>Enqueues the exchange, or drops and counts it when the queue is full or closed.</summary>
    public bool TryEnqueue(Exchange exchange)
    {
        if (_channel.Writer.TryWrite(exchange))
        {
            return true;
        }

        _metrics.CountDropped("queue_full", 1);
        return false;
    }

    /// <summary>Closes the queue; the reader ends after the last exchange.</summary>
    public void Complete() => _channel.Writer.TryComplete();
}
