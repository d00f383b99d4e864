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
/// <param name="Tokens">Chunks of the answer so far.</param>
/// <param name="Elapsed">Time since it began.</param>
internal readonly record struct RunningRequest(ExchangeInProgress Exchange, RequestPhase Phase, int Tokens, TimeSpan Elapsed)
{
    public static RunningRequest Of(ExchangeInProgress exchange) =>
        new(exchange, exchange.Phase, exchange.Pieces, exchange.Clock.GetElapsedTime(exchange.Started));
}

/// <summary>
/// The requests that run now: a list whose links are in the requests themselves, so that a request costs two short locks and no allocation. Changes are
/// reported outside the lock, to one watcher at most; without one, each change costs a look at a field.
/// </summary>
internal sealed class RunningRequests
{
    private readonly Lock _changing = new();
    private ExchangeInProgress? _first;
    private Action<RunningRequest>? _changed;
    private OllamaSigns _signs;

    public int Count { get; private set; }

    public bool IsWatched => Volatile.Read(ref _changed) is not null;

    public void Add(ExchangeInProgress exchange)
    {
        lock (_changing)
        {
            exchange.Next = _first;
            _first?.Previous = exchange;
            _first = exchange;
            Count++;
        }

        Report(exchange);
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
        }

        Report(exchange);
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

    /// <summary>Notes a new phase. Called by the request's own thread alone, so its changes are reported in order.</summary>
    public void Enter(ExchangeInProgress exchange, RequestPhase phase)
    {
        exchange.Phase = phase;
        Report(exchange);
    }

    /// <summary>Reports every change from now on; null ends it.</summary>
    /// <param name="changed">Runs on the thread that carries the request: it must neither wait nor throw.</param>
    public void Watch(Action<RunningRequest>? changed) => Interlocked.Exchange(ref _changed, changed);

    /// <summary>The requests that run now.</summary>
    public ExchangeInProgress[] Snapshot()
    {
        lock (_changing)
        {
            var all = new ExchangeInProgress[Count];
            var at = 0;
            for (var exchange = _first; exchange is not null; exchange = exchange.Next)
            {
                all[at++] = exchange;
            }

            return all;
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
