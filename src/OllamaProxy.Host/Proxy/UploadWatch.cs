using System.IO.Pipelines;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Watches an upload that got a slot before its body was complete. When the client sends next to nothing for <see cref="Limit"/> while other requests wait,
/// the pending read is cancelled, which ends the request and frees its slot. Only the time spent waiting for the client counts, never the time in which
/// Ollama takes nothing. A body that Ollama has begun to answer keeps its slot: Ollama works on it.
/// </summary>
internal sealed class UploadWatch : IDisposable
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Fewer bytes than this are no progress, or single bytes could hold a slot for ever; the slowest real uplink sends more in <see cref="Limit"/>.
    /// </summary>
    private const int Progress = 16 * 1024;

    private static readonly TimeSpan s_tick = TimeSpan.FromSeconds(1);

    private readonly ExchangeInProgress _exchange;
    private readonly ConcurrencyGate _gate;
    private readonly PipeReader _body;
    private readonly Lock _changing = new();
    private readonly ITimer _timer;

    /// <summary>When the pending read began; null while none is pending.</summary>
    private long? _pendingSince;

    /// <summary>Time spent waiting for the client since the last progress, without the pending read.</summary>
    private TimeSpan _waited;
    private int _bytes;
    private bool _isDisposed;

    /// <param name="exchange">The request.</param>
    /// <param name="gate">Knows whether others wait.</param>
    /// <param name="body">Kestrel's own reader of the body.</param>
    public UploadWatch(ExchangeInProgress exchange, ConcurrencyGate gate, PipeReader body)
    {
        (_exchange, _gate, _body) = (exchange, gate, body);
        _timer = exchange.Clock.CreateTimer(static watch => ((UploadWatch)watch!).Tick(), this, s_tick, s_tick);
    }

    /// <summary>True once the upload was ended.</summary>
    public bool HasStalled { get; private set; }

    /// <summary>A read waits for the client.</summary>
    public void BeginWait()
    {
        lock (_changing)
        {
            _pendingSince = _exchange.Clock.GetTimestamp();
        }
    }

    /// <summary>The client sent something.</summary>
    public void EndWait(int bytes)
    {
        lock (_changing)
        {
            if (_pendingSince is { } since)
            {
                _waited += _exchange.Clock.GetElapsedTime(since);
            }

            (_pendingSince, _bytes) = (null, _bytes + bytes);
            if (_bytes >= Progress)
            {
                (_waited, _bytes) = (TimeSpan.Zero, 0);
            }
        }
    }

    /// <summary>To be called before the request ends: a read that is cancelled later could be that of the next request on the connection.</summary>
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
            if (_isDisposed || HasStalled || _gate.Waiting == 0 || _exchange.HasAnswer || _pendingSince is not { } since
                || _waited + _exchange.Clock.GetElapsedTime(since) < Limit)
            {
                return;
            }

            HasStalled = true;
            _body.CancelPendingRead();
        }
    }
}
