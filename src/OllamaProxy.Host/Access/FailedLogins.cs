using System.Net;

namespace OllamaProxy.Host.Access;

/// <summary>
/// Slows down clients that guess tokens: after some wrong guesses a client (<see cref="ClientNetwork"/>) must wait before the next one is checked. No thread
/// blocks for it.
/// </summary>
internal sealed class FailedLogins(TimeProvider time)
{
    /// <summary>Consecutive wrong tokens before the client must wait.</summary>
    public const int Free = 5;

    /// <summary>Addresses with their own count; further ones share one, so using many addresses does not help.</summary>
    public const int MaxAddresses = 1_000;

    /// <summary>The time after which one wrong token is forgotten.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private readonly Lock _changing = new();

    /// <summary>When the wrong tokens of an address are forgotten.</summary>
    private readonly Dictionary<IPAddress, DateTimeOffset> _forgotten = [];

    /// <summary>
    /// Judges a guess. Null when it was checked, and counted if wrong; otherwise how long the client must wait, at most 10 s. Checking and counting are one
    /// step, so concurrent guesses are counted individually.
    /// </summary>
    /// <param name="address">The client's address.</param>
    /// <param name="isRight">Whether the guess is right; a client that must wait does not learn this.</param>
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
