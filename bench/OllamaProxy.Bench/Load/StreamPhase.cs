using System.Diagnostics;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Load;

/// <summary>
/// Streams of tokens, in three ways: many at once at a pace, one after another as fast as they go, and new ones at a rate for the first token's time.
/// </summary>
internal sealed class StreamPhase(PhaseRequest request) : Phase(request)
{
    /// <summary>Tokens of a stream that is to go as fast as it can.</summary>
    private const int FlatOutTokens = 2_000;

    private readonly StreamFigures _figures = new();
    private readonly List<TokenStream> _streams = [];
    private readonly Stack<TokenStream> _idle = [];
    private byte[] _request = [];
    private long _begun;
    private long _end;
    private int _started;

    protected override bool IsDone => _figures.Ended >= _started && Stopwatch.GetTimestamp() >= _end;

    public override void Run()
    {
        var (seconds, streams, rate) = (Request.Number("seconds"), Request.Integer("streams"), Request.Integer("rate"));
        _begun = Stopwatch.GetTimestamp();
        _end = _begun + Ticks(seconds);
        switch (Request.Name)
        {
            case "paced":
                BeginPaced(seconds, streams, rate);
                break;
            case "flat":
                BeginFlatOut(streams, FlatOutTokens, rate);
                break;
            case "engine":
                BeginFlatOut(streams, (int)(seconds * rate), rate: -1);
                break;
            default:
                BeginFirstTokens(streams, rate);
                break;
        }

        // So that the loop looks at the end whether it is done.
        Loop.At(_end, static () => { });
        RunLoop(seconds);
        var elapsed = (Stopwatch.GetTimestamp() - _begun) / (double)Stopwatch.Frequency;
        Errors += _started - _figures.Whole;
        Results["streams"] = _started;
        Results["whole"] = _figures.Whole;
        Results["moved"] = _figures.Moved;
        Results["per_second"] = _figures.Tokens / elapsed;
        Results["units"] = Request.Name == "ttft" ? _started : _figures.Tokens;
        AddTimes(Request.Name == "ttft" ? _figures.FirstTokens : _figures.Delays);
    }

    public override void Dispose()
    {
        foreach (var stream in _streams)
        {
            stream.Close();
        }

        base.Dispose();
    }

    /// <summary>All run at the same time; their beginnings are spread over half a second, so that their tokens do not come in step.</summary>
    private void BeginPaced(double seconds, int streams, int rate)
    {
        _request = new Instructions(0, (int)(seconds * rate), rate).ToChat(Request.Port);
        for (var index = 0; index < streams; index++)
        {
            Loop.At(_begun + Ticks(0.5 * index / streams), () => Start(Open(), Stopwatch.GetTimestamp()));
        }
    }

    private void BeginFlatOut(int streams, int tokens, int rate)
    {
        _figures.KeepDelays = false;
        _request = new Instructions(0, tokens, rate).ToChat(Request.Port);
        for (var index = 0; index < streams; index++)
        {
            Start(Open(), Stopwatch.GetTimestamp());
        }
    }

    /// <summary>Short streams, begun when they are due, whatever became of those before.</summary>
    private void BeginFirstTokens(int tokens, int rate)
    {
        _request = new Instructions(0, tokens, 100).ToChat(Request.Port);
        void StartWhatIsDue()
        {
            long due;
            while ((due = _begun + _started * Stopwatch.Frequency / rate) <= Stopwatch.GetTimestamp() && due < _end)
            {
                Start(_idle.TryPop(out var stream) ? stream : Open(), due);
            }

            if (due < _end)
            {
                Loop.At(due, StartWhatIsDue);
            }
        }

        StartWhatIsDue();
        // The first ones open connections on both sides of the proxy, which is not what is measured.
        Loop.At(_begun + Ticks(0.3), _figures.FirstTokens.Clear);
    }

    private TokenStream Open()
    {
        var stream = new TokenStream(this, Request.Port, _figures, Ended);
        _streams.Add(stream);
        return stream;
    }

    private void Start(TokenStream stream, long due)
    {
        _started++;
        stream.Begin(_request, due);
    }

    private void Ended(TokenStream stream)
    {
        if (Request.Name == "ttft")
        {
            _idle.Push(stream);
        }
        else if (Request.Name == "flat" && Stopwatch.GetTimestamp() < _end)
        {
            Start(stream, Stopwatch.GetTimestamp());
        }
    }
}
