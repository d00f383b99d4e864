using System.Threading.Channels;

namespace OllamaProxy.Host.Analytics;

/// <summary>One subscriber's bounded queue. A slow reader misses the oldest events, and gets their number.</summary>
internal sealed class LiveSubscriber
{
    public const int Capacity = 1_000;

    private readonly Channel<LiveEvents> _events;
    private long _missed;

    /// <summary>1 while a progress event is queued. It can be large, and the next one supersedes it.</summary>
    private int _hasProgress;

    public LiveSubscriber() => _events = Channel.CreateBounded<LiveEvents>(
        new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true },
        dropped =>
        {
            Took(dropped);
            Miss(dropped.Count);
        });

    /// <summary>Waits for events; false when the feed has ended.</summary>
    public ValueTask<bool> WaitAsync(CancellationToken cancellationToken) => _events.Reader.WaitToReadAsync(cancellationToken);

    /// <summary>Takes the next events; null when there are none now.</summary>
    public LiveEvents? Take()
    {
        if (!_events.Reader.TryRead(out var next))
        {
            return null;
        }

        Took(next);
        return next;
    }

    /// <summary>Events lost since the last call.</summary>
    public long TakeMissed() => Interlocked.Exchange(ref _missed, 0);

    public void Put(LiveEvents events)
    {
        if (events.IsProgress && Interlocked.Exchange(ref _hasProgress, 1) == 1)
        {
            Miss(events.Count);
        }
        else
        {
            _events.Writer.TryWrite(events);
        }
    }

    public void Miss(int count) => Interlocked.Add(ref _missed, count);

    private void Took(LiveEvents events)
    {
        if (events.IsProgress)
        {
            Volatile.Write(ref _hasProgress, 0);
        }
    }
}
