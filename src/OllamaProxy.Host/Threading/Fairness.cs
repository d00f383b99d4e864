namespace OllamaProxy.Host.Threading;

/// <summary>
/// Counts the bytes that a loop forwarded. A body that arrives faster than it is forwarded would occupy a socket thread (<see cref="InlineSockets"/>). So the
/// loop moves to the thread pool after <see cref="Most"/> bytes, until it waits for a socket again.
/// </summary>
internal struct Fairness
{
    private const int Most = 256 * 1024;

    private int _carried;

    /// <summary>Returns true when the loop must <see cref="Task.Yield"/> before it goes on.</summary>
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
