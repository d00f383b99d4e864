using System.Diagnostics;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Load;

/// <summary>
/// Token streams in three modes: many at once at a fixed rate, one after another at full speed, and new ones at a rate to measure the time to first token.
/// </summary>
internal sealed class StreamPhase(PhaseRequest request) : Phase(request)
{
    /// <summary>The tokens of a stream at full speed.</summary>
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

        // Wakes the loop at the end of the time, so that it checks whether it is done.
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

    /// <summary>All streams run at the same time. Their starts are spread over half a second, so that their tokens do not arrive in step.</summary>
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

    /// <summary>Short streams that start when due, without waiting for earlier ones.</summary>
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
        // The first streams open connections on both sides of the proxy, which is not part of the measurement.
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
