using OllamaProxy.Domain;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// When things happened in one exchange. Durations mean the same as in <see cref="Exchange"/>; timestamps are those of <see cref="Clock"/>, 0 before the event.
/// The exchange's own thread writes them. Other threads read only the timestamps and <see cref="IsHeldUp"/>.
/// </summary>
internal sealed class ExchangeTimings(TimeProvider clock)
{
    private TimeSpan _startWait;
    private TimeSpan _bodyWait;
    private long _askedAt;
    private long _lastHeard;
    private long _wholeSince;
    private bool _isHeldUp;

    public TimeProvider Clock => clock;

    public DateTimeOffset StartedAt { get; } = clock.GetUtcNow();

    public long Started { get; } = clock.GetTimestamp();

    public TimeSpan? QueueTime { get; set; }

    public TimeSpan? ConnectTime { get; private set; }

    public TimeSpan? TimeToHeaders { get; private set; }

    public TimeSpan BackPressure { get; private set; }

    public TimeSpan? RequestOverhead { get; private set; }

    public TimeSpan? ResponseOverhead { get; private set; }

    /// <summary>When the last byte of the response arrived.</summary>
    public long LastHeard => Volatile.Read(ref _lastHeard);

    /// <summary>When Ollama last sent something, or else got the request.</summary>
    public long HeardAt => Math.Max(LastHeard, Volatile.Read(ref _askedAt));

    /// <summary>When Ollama had the whole request.</summary>
    public long WholeSince => Volatile.Read(ref _wholeSince);

    /// <summary>True while a write waits for the client.</summary>
    public bool IsHeldUp => Volatile.Read(ref _isHeldUp);

    public TimeSpan Elapsed => clock.GetElapsedTime(Started);

    /// <summary>Ollama was still starting, so nothing could connect before now.</summary>
    public void RecordStartWait(TimeSpan waited) => ConnectTime = _startWait += waited;

    public void RecordBodyWait(long since) => _bodyWait += clock.GetElapsedTime(since);

    /// <summary>The request goes to Ollama. Until a connection is made for it, one was open.</summary>
    /// <param name="isRewritten">True when the body was read and rewritten first, which is no overhead of forwarding.</param>
    public void RecordAsked(bool isRewritten)
    {
        ConnectTime = _startWait;
        Volatile.Write(ref _askedAt, clock.GetTimestamp());
        RequestOverhead = isRewritten ? null : clock.GetElapsedTime(Started, _askedAt) - QueueTime.GetValueOrDefault() - _startWait - _bodyWait;
    }

    public void RecordConnected(long since) => ConnectTime = _startWait + clock.GetElapsedTime(since);

    public void RecordRequestSent() => Volatile.Write(ref _wholeSince, clock.GetTimestamp());

    public void RecordHead()
    {
        var now = clock.GetTimestamp();
        TimeToHeaders = clock.GetElapsedTime(Started, now);
        Volatile.Write(ref _lastHeard, now);
    }

    /// <summary>Data that arrived at the given time was written to the client's connection.</summary>
    public void RecordData(long arrived)
    {
        ResponseOverhead ??= clock.GetElapsedTime(arrived) - BackPressure;
        Volatile.Write(ref _lastHeard, arrived);
    }

    public void BeginClientWait() => Volatile.Write(ref _isHeldUp, true);

    public void EndClientWait(long since)
    {
        var now = clock.GetTimestamp();
        BackPressure += clock.GetElapsedTime(since, now);
        // The relay could not read during the wait, so silence begins now.
        Volatile.Write(ref _lastHeard, now);
        Volatile.Write(ref _isHeldUp, false);
    }
}
