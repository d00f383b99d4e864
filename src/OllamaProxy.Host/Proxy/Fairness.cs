namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Counts what a loop carried without having to wait. A body that comes faster than it can be passed on would keep a thread of the sockets
/// (<see cref="InlineSockets"/>) to itself; after so much of it the loop goes on in the pool.
/// </summary>
internal struct Fairness
{
    private const int Most = 256 * 1024;

    private int _carried;

    /// <summary>True when the loop is to <see cref="Task.Yield"/> before it goes on.</summary>
    /// <param name="waited">Whether it had to wait for these bytes.</param>
    /// <param name="bytes">How many there were.</param>
    public bool IsTurnOver(bool waited, int bytes)
    {
        _carried = waited ? bytes : _carried + bytes;
        if (_carried < Most)
        {
            return false;
        }

        _carried = 0;
        return true;
    }
}
