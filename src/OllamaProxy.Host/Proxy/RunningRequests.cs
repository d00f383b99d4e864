using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Proxy;

internal enum RequestPhase
{
    /// <summary>In the proxy: in its queue, or until Ollama has started.</summary>
    Queued,

    /// <summary>Ollama has the request and has sent no content yet.</summary>
    Waiting,

    /// <summary>The response is arriving.</summary>
    Writing,
    Ended,
}

/// <summary>One moment of a running request.</summary>
/// <param name="Exchange">The request.</param>
/// <param name="Phase">How far it was.</param>
/// <param name="Tokens">Chunks of the response so far.</param>
/// <param name="Elapsed">Time since it began.</param>
internal readonly record struct RunningRequest(ExchangeInProgress Exchange, RequestPhase Phase, int Tokens, TimeSpan Elapsed)
{
    public static RunningRequest Of(ExchangeInProgress exchange) => new(exchange, exchange.Phase, exchange.Observation.Pieces, exchange.Timings.Elapsed);
}

/// <summary>The running requests. Reports changes outside the lock, to one watcher at most; without one, each change costs the read of a field.</summary>
internal sealed class RunningRequests(TimeProvider time) : IInferenceProgress
{
    private readonly Lock _changing = new();
    private readonly LinkedList<ExchangeInProgress> _running = new();
    private Action<RunningRequest>? _changed;
    private long _lastHeard;
    private long _lastHeardOfInference;

    public int Count => _running.Count;

    public bool IsWatched => Volatile.Read(ref _changed) is not null;

    /// <returns>The argument for <see cref="Remove"/>.</returns>
    public LinkedListNode<ExchangeInProgress> Add(ExchangeInProgress exchange)
    {
        var node = new LinkedListNode<ExchangeInProgress>(exchange);
        lock (_changing)
        {
            _running.AddFirst(node);
        }

        Report(exchange);
        return node;
    }

    public void Remove(LinkedListNode<ExchangeInProgress> node)
    {
        var exchange = node.Value;
        lock (_changing)
        {
            _running.Remove(node);
            _lastHeard = Math.Max(_lastHeard, exchange.Timings.LastHeard);
            _lastHeardOfInference = exchange.NeedsSlot ? Math.Max(_lastHeardOfInference, exchange.Timings.LastHeard) : _lastHeardOfInference;
            exchange.Phase = RequestPhase.Ended;
        }

        Report(exchange);
    }

    /// <summary>Notes a new phase. Only the request's own thread calls it, so its changes are reported in order.</summary>
    public void Enter(ExchangeInProgress exchange, RequestPhase phase)
    {
        exchange.Phase = phase;
        Report(exchange);
    }

    /// <summary>Reports every change, on the thread of the request, to a method that must neither wait nor throw; null stops that.</summary>
    public void Watch(Action<RunningRequest>? changed) => Interlocked.Exchange(ref _changed, changed);

    public ExchangeInProgress[] Snapshot()
    {
        lock (_changing)
        {
            return [.. _running];
        }
    }

    /// <summary>How many Ollama has, and how many wait in the proxy.</summary>
    public (int Active, int Waiting) CountByPhase()
    {
        var all = Snapshot();
        var waiting = all.Count(static exchange => exchange.Phase == RequestPhase.Queued);
        return (all.Length - waiting, waiting);
    }

    public bool HasHeardSince(long timestamp) => LastHeard(ofInference: false) >= timestamp;

    public TimeSpan SilentFor()
    {
        // Ollama has the whole request and could send, because the client takes what it sends.
        var work = Snapshot().Where(static exchange => exchange is { NeedsSlot: true, Timings: { WholeSince: not 0, IsHeldUp: false } });
        var oldest = work.Select(static exchange => exchange.Timings.WholeSince).DefaultIfEmpty().Min();
        return oldest == 0 ? TimeSpan.Zero : time.GetElapsedTime(Math.Max(oldest, LastHeard(ofInference: true)));
    }

    /// <summary>Time since the most stalled inference last received a byte; zero without inferences.</summary>
    public TimeSpan LongestSilence() =>
        Snapshot()
            .Where(static exchange => exchange.NeedsSlot && exchange.Timings.HeardAt != 0)
            .Select(exchange => time.GetElapsedTime(exchange.Timings.HeardAt))
            .Append(TimeSpan.Zero)
            .Max();

    /// <summary>When the last byte of any response arrived, or of an inference's; ended requests count. A timestamp; 0 for never.</summary>
    private long LastHeard(bool ofInference)
    {
        lock (_changing)
        {
            return _running
                .Where(exchange => exchange.NeedsSlot || !ofInference)
                .Select(static exchange => exchange.Timings.LastHeard)
                .Append(ofInference ? _lastHeardOfInference : _lastHeard)
                .Max();
        }
    }

    private void Report(ExchangeInProgress exchange)
    {
        // Either a new watcher sees the change in its snapshot, or the change is reported to it.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _changed) is { } changed)
        {
            changed(RunningRequest.Of(exchange));
        }
    }
}
