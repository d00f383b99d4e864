namespace OllamaProxy.Host.Upstream;

/// <summary>The idle connections to each backend. The one that was used last is used first, so surplus connections grow old and are closed.</summary>
internal sealed class UpstreamPool : IDisposable
{
    private static readonly TimeSpan s_idleLimit = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_sweep = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly Lock _changing = new();
    private readonly Dictionary<Uri, List<UpstreamConnection>> _idle = [];
    private readonly ITimer _sweeping;
    private bool _isDisposed;

    public UpstreamPool(TimeProvider time)
    {
        _time = time;
        _sweeping = time.CreateTimer(static pool => ((UpstreamPool)pool!).Sweep(), this, s_sweep, s_sweep);
    }

    /// <summary>Takes an idle connection; null without a usable one.</summary>
    public UpstreamConnection? TryRent(Uri backend)
    {
        while (true)
        {
            UpstreamConnection connection;
            lock (_changing)
            {
                if (!_idle.TryGetValue(backend, out var idle) || idle.Count == 0)
                {
                    return null;
                }

                connection = idle[^1];
                idle.RemoveAt(idle.Count - 1);
            }

            if (connection.IsUsable())
            {
                return connection;
            }

            connection.Dispose();
        }
    }

    /// <summary>Takes back a connection whose response has ended.</summary>
    public void Return(UpstreamConnection connection)
    {
        connection.WasKept = true;
        connection.IdleSince = _time.GetTimestamp();
        lock (_changing)
        {
            if (!_isDisposed)
            {
                if (!_idle.TryGetValue(connection.Backend, out var idle))
                {
                    _idle[connection.Backend] = idle = [];
                }

                idle.Add(connection);
                return;
            }
        }

        connection.Dispose();
    }

    public void Dispose()
    {
        _sweeping.Dispose();
        List<UpstreamConnection> all;
        lock (_changing)
        {
            _isDisposed = true;
            all = [.. _idle.Values.SelectMany(static idle => idle)];
            _idle.Clear();
        }

        all.ForEach(static connection => connection.Dispose());
    }

    private void Sweep()
    {
        List<UpstreamConnection>? old = null;
        lock (_changing)
        {
            foreach (var idle in _idle.Values)
            {
                var count = idle.FindIndex(connection => _time.GetElapsedTime(connection.IdleSince) < s_idleLimit) is >= 0 and var first ? first : idle.Count;
                if (count > 0)
                {
                    (old ??= []).AddRange(idle.GetRange(0, count));
                    idle.RemoveRange(0, count);
                    idle.TrimExcess();
                }
            }
        }

        old?.ForEach(static connection => connection.Dispose());
    }
}
