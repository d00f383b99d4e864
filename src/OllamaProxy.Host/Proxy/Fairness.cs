namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Counts what a loop carried. A body that comes faster than it can be passed on would keep a thread of the sockets (<see cref="InlineSockets"/>) to itself;
/// after so much of it the loop goes on in the pool, until it waits for a socket the next time.
/// </summary>
internal struct Fairness
{
    private const int Most = 256 * 1024;

    private int _carried;

    /// <summary>True when the loop is to <see cref="Task.Yield"/> before it goes on.</summary>
    /// <param name="bytes">How many more it carried.</param>
    public bool IsTurnOver(int bytes)
    {
        _carried += bytes;
        if (_carried < Most)
        {
            return false;
        }

        _carried = 0;
        return true;
    }
}
