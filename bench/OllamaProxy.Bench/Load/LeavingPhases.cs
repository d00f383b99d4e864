using System.Buffers.Text;
using System.Diagnostics;
using OllamaProxy.Bench.Sockets;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Load;

/// <summary>Asks the upstream directly for the state of a stream.</summary>
internal sealed class UpstreamQuestion(Phase phase, int port) : ClientConnection(phase, port)
{
    private Action? _answered;

    public long BytesSent { get; private set; }

    public long ClosedAt { get; private set; }

    public void Ask(int id, Action answered)
    {
        _answered = answered;
        SendSmall(Instructions.ToGet(Port, $"/bench/{id}"));
    }

    public override void Data(ReadOnlySpan<byte> data)
    {
        if (Utf8Parser.TryParse(data, out long sent, out var length) && Utf8Parser.TryParse(data[(length + 1)..], out long closedAt, out _))
        {
            (BytesSent, ClosedAt) = (sent, closedAt);
        }
    }

    public override void MessageEnd() => _answered?.Invoke();

    protected override void Lost(bool betweenMessages) => Phase.Errors++;
}

/// <summary>A stream whose client disconnects or stops reading.</summary>
internal sealed class NeglectedStream(Phase phase, int port, Action<NeglectedStream> first) : ClientConnection(phase, port)
{
    private bool _hasFirst;

    public void Begin(Instructions wanted) => SendSmall(wanted.ToChat(Port));

    public override void Data(ReadOnlySpan<byte> data)
    {
        if (!_hasFirst)
        {
            _hasFirst = true;
            first(this);
        }
    }

    public void StopReading() => Phase.Loop.Want(Fd, write: false, read: false);

    public override void MessageEnd() => Phase.Errors++;

    protected override void Lost(bool betweenMessages) => Phase.Errors++;
}

/// <summary>Clients that disconnect in the middle of a stream of 10 tokens/s, one after another: the time until the upstream sees it.</summary>
internal sealed class DisconnectPhase(PhaseRequest request) : Phase(request)
{
    private readonly List<long> _times = [];
    private int _left;
    private int _id;

    protected override bool IsDone => _left == 0;

    public override void Run()
    {
        _left = Request.Integer("times");
        _id = Environment.TickCount & 0x3fff_ff00;
        var question = new UpstreamQuestion(this, Request.UpstreamPort);
        BeginNext(question);
        RunLoop(5);
        question.Close();
        Errors += _left;
        Results["units"] = _times.Count;
        AddTimes(_times);
    }

    private void BeginNext(UpstreamQuestion question)
    {
        _id++;
        new NeglectedStream(this, Request.Port, stream =>
        {
            // Wait a little, so that the client disconnects while no bytes are in flight.
            Loop.At(Stopwatch.GetTimestamp() + Ticks(0.01), () =>
            {
                var leftAt = Stopwatch.GetTimestamp();
                stream.Close();
                Ask(question, leftAt);
            });
        }).Begin(new Instructions(_id, 1_000, 10));
    }

    private void Ask(UpstreamQuestion question, long leftAt) => Loop.At(Stopwatch.GetTimestamp() + Ticks(0.005), () => question.Ask(_id, () =>
    {
        if (question.ClosedAt == 0)
        {
            Ask(question, leftAt);
            return;
        }

        _times.Add(question.ClosedAt - leftAt);
        if (--_left > 0)
        {
            BeginNext(question);
        }
    }));
}

/// <summary>A client that stops reading while the upstream sends as fast as it can: the number of bytes buffered for it.</summary>
internal sealed class StallPhase(PhaseRequest request) : Phase(request)
{
    /// <summary>If the number is unchanged for this long, it is final.</summary>
    private const double Quiet = 0.4;

    private bool _isDone;
    private long _taken;
    private long _changedAt;

    protected override bool IsDone => _isDone;

    public override void Run()
    {
        var id = (Environment.TickCount & 0x3fff_ff00) + 0x4000_0000;
        var question = new UpstreamQuestion(this, Request.UpstreamPort);
        var stream = new NeglectedStream(this, Request.Port, stream =>
        {
            stream.StopReading();
            _changedAt = Stopwatch.GetTimestamp();
            Watch(question, id);
        });
        stream.Begin(new Instructions(id, 50_000_000, 0));
        var limit = Request.Number("seconds");
        Loop.At(Stopwatch.GetTimestamp() + Ticks(limit), () => _isDone = true);
        RunLoop(limit);
        stream.Close();
        question.Close();
        Results["units"] = 1;
        Results["mib_taken"] = _taken / 1024.0 / 1024.0;
    }

    private void Watch(UpstreamQuestion question, int id) => question.Ask(id, () =>
    {
        var now = Stopwatch.GetTimestamp();
        if (question.BytesSent != _taken)
        {
            (_taken, _changedAt) = (question.BytesSent, now);
        }

        _isDone |= now - _changedAt > Ticks(Quiet);
        if (!_isDone)
        {
            Loop.At(now + Ticks(0.05), () => Watch(question, id));
        }
    });
}
