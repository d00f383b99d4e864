using System.Net;

namespace OllamaProxy.Host.Access;

/// <summary>
/// Slows down clients that guess tokens: after some wrong ones a client (<see cref="ClientNetwork"/>) must wait before another guess is judged. No thread
/// waits for it.
/// </summary>
internal sealed class FailedLogins(TimeProvider time)
{
    /// <summary>Wrong tokens in a row before the waiting begins.</summary>
    public const int Free = 5;

    /// <summary>Addresses remembered; further ones share one memory, so that many addresses are no way around it.</summary>
    public const int MaxAddresses = 1_000;

    /// <summary>How soon one wrong token is forgotten.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private readonly Lock _changing = new();

    /// <summary>When everything an address did wrong is forgotten.</summary>
    private readonly Dictionary<IPAddress, DateTimeOffset> _forgotten = [];

    /// <summary>
    /// Judges one guess: null when it was judged, and remembered if it was wrong; otherwise how long the client must wait, which is 10 s at most. Asking and
    /// remembering are one step, so guesses that arrive together are counted one by one.
    /// </summary>
    /// <param name="address">The client's address.</param>
    /// <param name="isRight">Whether the guess is right, which a client that must wait does not learn.</param>
    public TimeSpan? Judge(IPAddress? address, bool isRight)
    {
        lock (_changing)
        {
            var now = time.GetUtcNow();
            var key = KeyOf(address);
            var since = _forgotten.GetValueOrDefault(key);
            var wait = since - now - ((Free - 1) * s_pause);
            if (wait > TimeSpan.Zero)
            {
                return wait;
            }

            if (!isRight)
            {
                _forgotten[key] = (since > now ? since : now) + s_pause;
            }

            return null;
        }
    }

    private IPAddress KeyOf(IPAddress? address)
    {
        var key = ClientNetwork.Of(address ?? IPAddress.None);
        if (_forgotten.Count < MaxAddresses || _forgotten.ContainsKey(key))
        {
            return key;
        }

        var now = time.GetUtcNow();
        foreach (var old in _forgotten.Where(entry => entry.Value <= now).Select(entry => entry.Key).ToList())
        {
            _forgotten.Remove(old);
        }

        return _forgotten.Count < MaxAddresses ? key : IPAddress.Any;
    }
}
