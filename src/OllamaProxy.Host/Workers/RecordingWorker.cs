using MediatR;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.Host.Workers;

/// <summary>
/// Drains the exchange queue in batches: each exchange becomes a record and is counted, then the batch is written. The live feed announces records after that,
/// so queries find them. A graceful stop drains and writes the rest before the store is closed.
/// </summary>
internal sealed partial class RecordingWorker(
    ExchangeQueue queue, IMediator mediator, RecordBatch batch, LiveFeed feed, RecordingOptions options, TimeProvider time,
        ILogger<RecordingWorker> logger) : BackgroundService
{
    /// <summary>The most exchanges in one write.</summary>
    private const int BatchSize = 512;

    /// <summary>The pause between two reads of the queue: waking up for each exchange would cost more than recording it.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    /// <summary>The pause before a failed write is retried.</summary>
    private static readonly TimeSpan s_retryPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Attempts to write the rest during a stop.</summary>
    private const int FinalTries = 3;

    /// <summary>Records since the last write.</summary>
    private readonly List<RequestRecord> _recorded = [];

    /// <summary>A pending wait for the next exchange, interrupted by a write.</summary>
    private Task<bool>? _more;

    /// <summary>The loop ends with the queue, not with the host's token, so every queued exchange is recorded.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (await WaitAsync())
        {
            await CollectAsync();
            await batch.WriteAsync(CancellationToken.None);
            // Also after a failed write, because live events do not depend on the store.
            _recorded.ForEach(feed.Announce);
            _recorded.Clear();
        }

        for (var tries = 1; !await batch.WriteAsync(CancellationToken.None) && tries < FinalTries; tries++)
        {
            await Task.Delay(s_retryPause, time, CancellationToken.None);
        }

        batch.Abandon();
    }

    /// <summary>Completes the queue; the worker drains it and ends.</summary>
    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        queue.Complete();
        if (ExecuteTask is { } draining)
        {
            await draining.WaitAsync(cancellationToken);
        }

        await base.StopAsync(cancellationToken);
    }

    /// <summary>Waits for the next exchange; while records wait for a broken store, waits for the next retry.</summary>
    private async Task<bool> WaitAsync()
    {
        if (batch.Count == 0)
        {
            var more = _more ?? queue.Reader.WaitToReadAsync().AsTask();
            _more = null;
            return await more;
        }

        await Task.Delay(s_retryPause, time);
        return !queue.Reader.Completion.IsCompleted;
    }

    /// <summary>
    /// Records exchanges until the batch is full or its first record has waited for the flush interval. One transaction per request would cost more than the
    /// rest of recording. Metrics are delayed by a moment at most.
    /// </summary>
    private async Task CollectAsync()
    {
        var begun = time.GetTimestamp();
        var taken = 0;
        while (true)
        {
            while (taken < BatchSize && queue.Reader.TryRead(out var exchange))
            {
                await RecordAsync(exchange);
                taken++;
            }

            var left = options.FlushInterval - time.GetElapsedTime(begun);
            if (taken == BatchSize || left <= TimeSpan.Zero)
            {
                return;
            }

            var pause = left < s_pause ? left : s_pause;
            // Uses the system clock, because this pause only saves work.
            await Task.Delay(pause);
            if (queue.Reader.TryPeek(out _))
            {
                continue;
            }

            left -= pause;
            if (batch.Count == 0 || left <= TimeSpan.Zero)
            {
                return;
            }

            _more ??= queue.Reader.WaitToReadAsync().AsTask();
            using var over = new CancellationTokenSource();
            if (await Task.WhenAny(_more, Task.Delay(left, time, over.Token)) != _more)
            {
                return;
            }

            await over.CancelAsync();
            var isMore = await _more;
            _more = null;
            if (!isMore)
            {
                return;
            }
        }
    }

    private async Task RecordAsync(Exchange exchange)
    {
        try
        {
            _recorded.Add(await mediator.Send(new RecordExchange(exchange)));
        }
        // An exchange that cannot be recorded must not end the recording of others.
        catch (Exception exception)
        {
            Log.NotRecorded(logger, exception, exchange.Id);
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Error, "Exchange {Id} could not be recorded.")]
        public static partial void NotRecorded(ILogger logger, Exception exception, string id);
    }
}
