namespace OllamaProxy.Application.Protocols;

/// <summary>The arrival of the chunks of a stream: the first one, and the gaps between them.</summary>
internal struct GapMeter
{
    private long _first;
    private long _last;
    private long _longest;

    public int Pieces { get; private set; }

    /// <param name="timestamp">The chunk's arrival as a <see cref="TimeProvider"/> timestamp.</param>
    public void Piece(long timestamp)
    {
        if (Pieces++ == 0)
        {
            _first = timestamp;
        }
        else
        {
            _longest = Math.Max(_longest, timestamp - _last);
        }

        _last = timestamp;
    }

    public readonly TimeSpan? First(TimeProvider time, long started) => Pieces == 0 ? null : time.GetElapsedTime(started, _first);

    /// <summary>The mean gap; null with fewer than two chunks.</summary>
    public readonly TimeSpan? Mean(TimeProvider time) => Pieces < 2 ? null : time.GetElapsedTime(_first, _last) / (Pieces - 1);

    /// <summary>The longest gap; null with fewer than two chunks.</summary>
    public readonly TimeSpan? Longest(TimeProvider time) => Pieces < 2 ? null : time.GetElapsedTime(0, _longest);
}
