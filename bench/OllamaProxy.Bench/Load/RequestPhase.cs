using System.Diagnostics;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Load;

/// <summary>
/// Requests with short responses. Open loop (<c>rate</c> above 0): sent when due, without waiting for earlier ones, and timed from their due time,
/// so that a pause of the proxy counts for every request that was due in it. Closed loop: each connection sends its next request after its response.
/// </summary>
internal sealed class RequestPhase : Phase
{
    private readonly byte[] _request;
    private readonly double _seconds;
    private readonly int _rate;
    private readonly List<long> _times = new(1 << 17);
    private readonly List<Connection> _connections = [];
    private readonly Stack<Connection> _idle = [];
    private readonly Action _due;
    private long _begun;
    private long _end;
    private int _sent;
    private int _finished;

    public RequestPhase(PhaseRequest request, bool isChat)
        : base(request)
    {
        _request = isChat ? default(Instructions).ToChat(request.Port) : Instructions.ToGet(request.Port, "/api/version");
        (_seconds, _rate) = (request.Number("seconds"), request.Integer("rate"));
        _due = SendWhatIsDue;
    }

    protected override bool IsDone => _finished >= _sent && (_begun == 0 || Stopwatch.GetTimestamp() >= _end);

    public override void Run()
    {
        // The first request of a connection also opens one behind the proxy, which is not part of the measurement.
        for (var count = Request.Integer("connections"); count > 0; count--)
        {
            Send(Open(), Stopwatch.GetTimestamp());
        }

        RunLoop(1);
        var warm = _finished;
        (_sent, _finished) = (0, 0);
        _times.Clear();
        _begun = Stopwatch.GetTimestamp();
        _end = _begun + Ticks(_seconds);
        if (_rate > 0)
        {
            SendWhatIsDue();
        }
        else
        {
            foreach (var connection in _connections)
            {
                Send(connection, Stopwatch.GetTimestamp());
            }
        }

        // Wakes the loop at the end of the time, so that it checks whether it is done.
        Loop.At(_end, static () => { });
        RunLoop(_seconds);
        Errors += _sent - _finished;
        Results["units"] = _finished + warm;
        Results["requests"] = _finished;
        Results["per_second"] = _finished * (double)Stopwatch.Frequency / (Stopwatch.GetTimestamp() - _begun);
        AddTimes(_times);
    }

    public override void Dispose()
    {
        foreach (var connection in _connections)
        {
            connection.Close();
        }

        base.Dispose();
    }

    private void SendWhatIsDue()
    {
        long due;
        while ((due = _begun + _sent * Stopwatch.Frequency / _rate) <= Stopwatch.GetTimestamp() && due < _end)
        {
            Send(_idle.TryPop(out var connection) ? connection : Open(), due);
        }

        if (due < _end)
        {
            Loop.At(due, _due);
        }
    }

    private Connection Open()
    {
        var connection = new Connection(this);
        _connections.Add(connection);
        return connection;
    }

    private void Send(Connection connection, long due)
    {
        _sent++;
        connection.Begin(due);
    }

    private void Finished(Connection connection, long due, long at, bool success)
    {
        _finished++;
        Errors += success ? 0 : 1;
        _times.Add(at - due);
        if (_begun == 0 || _rate > 0)
        {
            _idle.Push(connection);
        }
        else if (at < _end)
        {
            Send(connection, at);
        }
    }

    private sealed class Connection(RequestPhase phase) : ClientConnection(phase, phase.Request.Port)
    {
        private long _due;
        private bool _success;

        public void Begin(long due)
        {
            _due = due;
            SendSmall(phase._request);
        }

        public override void Head(ReadOnlySpan<byte> head) => _success = IsSuccess(head);

        public override void MessageEnd() => phase.Finished(this, _due, ReadAt, _success);

        // Requests still running count as unfinished.
        protected override void Lost(bool betweenMessages)
        {
        }
    }
}
