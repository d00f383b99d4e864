namespace OllamaProxy.Host.Upstream;

/// <summary>The idle connections. The one that was used last is used first, so surplus connections grow old and are closed.</summary>
internal sealed class UpstreamPool : IDisposable
{
    private static readonly TimeSpan s_idleLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_sweep = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly Lock _changing = new();
    private readonly List<UpstreamConnection> _idle = [];
    private readonly ITimer _sweeping;
    private bool _isDisposed;

    public UpstreamPool(TimeProvider time)
    {
        _time = time;
        _sweeping = time.CreateTimer(static pool => ((UpstreamPool)pool!).CloseIdle(s_idleLimit), this, s_sweep, s_sweep);
    }

    /// <summary>Takes an idle connection; null without a usable one.</summary>
    public UpstreamConnection? TryRent(Uri backend)
    {
        var connection = Take(backend);
        while (connection is not null && !connection.IsUsable())
        {
            connection.Dispose();
            connection = Take(backend);
        }

        return connection;
    }

    /// <summary>Takes back a connection whose response has ended.</summary>
    public void Return(UpstreamConnection connection)
    {
        connection.EndExchange(_time.GetTimestamp());
        lock (_changing)
        {
            if (!_isDisposed)
            {
                _idle.Add(connection);
                return;
            }
        }

        connection.Dispose();
    }

    public void Dispose()
    {
        _sweeping.Dispose();
        _isDisposed = true;
        CloseIdle(TimeSpan.Zero);
    }

    private UpstreamConnection? Take(Uri backend)
    {
        lock (_changing)
        {
            for (var at = _idle.Count - 1; at >= 0; at--)
            {
                if (_idle[at] is var connection && connection.Backend == backend)
                {
                    _idle.RemoveAt(at);
                    return connection;
                }
            }
        }

        return null;
    }

    private void CloseIdle(TimeSpan limit)
    {
        lock (_changing)
        {
            foreach (var old in _idle.FindAll(connection => _time.GetElapsedTime(connection.IdleSince!.Value) >= limit))
            {
                _idle.Remove(old);
                old.Dispose();
            }
        }
    }
}
