namespace OllamaProxy.Host.Proxy;

/// <summary>How far a running request is.</summary>
internal enum RequestPhase
{
    /// <summary>In the proxy: in its own line, or until there is an Ollama to ask.</summary>
    Queued,

    /// <summary>Ollama has it; nothing of the answer's content came yet.</summary>
    Waiting,

    /// <summary>The answer is coming.</summary>
    Writing,

    /// <summary>It is over.</summary>
    Ended,
}

/// <summary>One moment of a running request.</summary>
/// <param name="Exchange">The request.</param>
/// <param name="Phase">How far it was.</param>
/// <param name="Tokens">Pieces of the answer that came so far.</param>
internal readonly record struct RunningRequest(ExchangeInProgress Exchange, RequestPhase Phase, int Tokens)
{
    public static RunningRequest Of(ExchangeInProgress exchange) => new(exchange, exchange.Phase, exchange.Pieces);
}

/// <summary>Somebody who wants to know what runs. Called with the lock held: it must neither wait nor throw.</summary>
internal interface IRunningRequestsListener
{
    void Changed(RunningRequest request);
}

/// <summary>
/// The requests that run now: a list whose links are in the requests themselves, so that a request costs two short locks and no allocation. What happens to
/// them is told to whoever listens; while nobody does, there is one look at a field for each change.
/// </summary>
internal sealed class RunningRequests
{
    private readonly Lock _changing = new();
    private ExchangeInProgress? _first;
    private IRunningRequestsListener[] _listeners = [];
    private OllamaSigns _signs;

    public int Count { get; private set; }

    public bool HasListeners => Volatile.Read(ref _listeners).Length > 0;

    public void Add(ExchangeInProgress exchange)
    {
        lock (_changing)
        {
            exchange.Next = _first;
            _first?.Previous = exchange;
            _first = exchange;
            Count++;
            Tell(RunningRequest.Of(exchange));
        }
    }

    public void Remove(ExchangeInProgress exchange)
    {
        lock (_changing)
        {
            exchange.Next?.Previous = exchange.Previous;
            if (exchange.Previous is { } previous)
            {
                previous.Next = exchange.Next;
            }
            else
            {
                _first = exchange.Next;
            }

            (exchange.Next, exchange.Previous) = (null, null);
            _signs = _signs.With(exchange);
            Count--;
            exchange.Phase = RequestPhase.Ended;
            Tell(RunningRequest.Of(exchange));
        }
    }

    /// <summary>What is seen of Ollama's work now, requests that have ended included.</summary>
    public OllamaSigns Signs()
    {
        lock (_changing)
        {
            var signs = _signs;
            for (var exchange = _first; exchange is not null; exchange = exchange.Next)
            {
                signs = signs.With(exchange).WithWork(exchange);
            }

            return signs;
        }
    }

    /// <summary>Notes a new phase. Called by the request's own thread alone.</summary>
    public void Enter(ExchangeInProgress exchange, RequestPhase phase)
    {
        exchange.Phase = phase;
        // Either whoever begins to listen sees the new phase, or it is seen here that somebody listens.
        Interlocked.MemoryBarrier();
        if (HasListeners)
        {
            lock (_changing)
            {
                Tell(RunningRequest.Of(exchange));
            }
        }
    }

    /// <summary>Tells the listener of every request that runs, and from then on of every change.</summary>
    public void Subscribe(IRunningRequestsListener listener)
    {
        lock (_changing)
        {
            Volatile.Write(ref _listeners, [.. _listeners, listener]);
            Interlocked.MemoryBarrier();
            for (var exchange = _first; exchange is not null; exchange = exchange.Next)
            {
                listener.Changed(RunningRequest.Of(exchange));
            }
        }
    }

    public void Unsubscribe(IRunningRequestsListener listener)
    {
        lock (_changing)
        {
            Volatile.Write(ref _listeners, [.. _listeners.Where(other => other != listener)]);
        }
    }

    /// <summary>Tells one listener how far all of them are.</summary>
    public void TellProgress(IRunningRequestsListener listener)
    {
        lock (_changing)
        {
            for (var exchange = _first; exchange is not null; exchange = exchange.Next)
            {
                listener.Changed(RunningRequest.Of(exchange));
            }
        }
    }

    /// <summary>How many are with Ollama, and how many wait in the proxy.</summary>
    public (int Active, int Waiting) CountByPhase()
    {
        var (active, waiting) = (0, 0);
        lock (_changing)
        {
            for (var exchange = _first; exchange is not null; exchange = exchange.Next)
            {
                _ = exchange.Phase == RequestPhase.Queued ? waiting++ : active++;
            }
        }

        return (active, waiting);
    }

    /// <summary>The longest time that one of the inferences Ollama was asked for has brought nothing; zero when there is none.</summary>
    public TimeSpan LongestSilence(TimeProvider time)
    {
        var longest = TimeSpan.Zero;
        lock (_changing)
        {
            for (var exchange = _first; exchange is not null; exchange = exchange.Next)
            {
                if (exchange.NeedsSlot && exchange.HeardAt is not 0 and var heard && time.GetElapsedTime(heard) is var silence && silence > longest)
                {
                    longest = silence;
                }
            }
        }

        return longest;
    }

    private void Tell(RunningRequest request)
    {
        foreach (var listener in _listeners)
        {
            listener.Changed(request);
        }
    }
}
