using System.IO.Pipelines;
using OllamaProxy.Host.Proxy;

namespace OllamaProxy.Host.Admission;

/// <summary>
/// Watches an upload that got a slot before its body was complete. When the client sends too little for <see cref="Limit"/> while other requests wait, it
/// cancels the pending read, which ends the request and frees its slot. Only waits for the client count, not waits for Ollama. A request that Ollama has begun
/// to answer keeps its slot.
/// </summary>
internal sealed class UploadWatch : IDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>Fewer bytes are no progress, or single bytes could hold a slot forever. The slowest real uplink sends more in <see cref="Limit"/>.</summary>
    private const int Progress = 16 * 1024;

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly ExchangeInProgress _exchange;
    private readonly ConcurrencyGate _gate;
    private readonly PipeReader _body;
    private readonly Lock _changing = new();
    private readonly ITimer _timer;
    private bool _isWaiting;
    private bool _isDisposed;

    /// <summary>Timer ticks spent waiting for the client since the last progress; <see cref="_bytes"/> counts what arrived since.</summary>
    private int _waited;
    private int _bytes;

    public UploadWatch(ExchangeInProgress exchange, ConcurrencyGate gate, PipeReader body)
    {
        (_exchange, _gate, _body) = (exchange, gate, body);
        _timer = exchange.Timings.Clock.CreateTimer(static watch => ((UploadWatch)watch!).Tick(), this, s_tick, s_tick);
    }

    /// <summary>True once the upload was ended.</summary>
    public bool HasStalled { get; private set; }

    public void BeginWait()
    {
        lock (_changing)
        {
            _isWaiting = true;
        }
    }

    public void EndWait(int bytes)
    {
        lock (_changing)
        {
            (_isWaiting, _bytes) = (false, _bytes + bytes);
            if (_bytes >= Progress)
            {
                (_waited, _bytes) = (0, 0);
            }
        }
    }

    /// <summary>Must run before the request ends: a read that is cancelled later could belong to the next request on the connection.</summary>
    public void Dispose()
    {
        _timer.Dispose();
        lock (_changing)
        {
            _isDisposed = true;
        }
    }

    private void Tick()
    {
        lock (_changing)
        {
            if (_isWaiting && ++_waited * s_tick >= Limit
                && !_isDisposed && !HasStalled && _gate.Waiting > 0 && _exchange.Timings.TimeToHeaders is null)
            {
                HasStalled = true;
                _body.CancelPendingRead();
            }
        }
    }
}
