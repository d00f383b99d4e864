using System.Net;
using System.Net.Sockets;

namespace OllamaProxy.Host.Access;

/// <summary>
/// Slows down who guesses tokens: after some wrong ones an address must wait before the next is looked at at all. No thread waits for it. An IPv6 client
/// counts as its network, which it may choose addresses from.
/// </summary>
internal sealed class FailedLogins(TimeProvider time)
{
    /// <summary>Wrong tokens in a row before the waiting begins.</summary>
    public const int Free = 5;

    /// <summary>Addresses remembered; further ones share one memory, so that a crowd of addresses is no way around.</summary>
    public const int MaxAddresses = 1_000;

    /// <summary>How soon one wrong token is forgotten.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(10);

    private readonly Lock _changing = new();

    /// <summary>When everything an address did wrong is forgotten.</summary>
    private readonly Dictionary<IPAddress, DateTimeOffset> _forgotten = [];

    /// <summary>How long this address must wait; null when it need not.</summary>
    public TimeSpan? RetryAfter(IPAddress? address)
    {
        lock (_changing)
        {
            var wait = _forgotten.GetValueOrDefault(KeyOf(address)) - time.GetUtcNow() - ((Free - 1) * s_pause);
            return wait > TimeSpan.Zero ? wait : null;
        }
    }

    public void Add(IPAddress? address)
    {
        lock (_changing)
        {
            var now = time.GetUtcNow();
            var key = KeyOf(address);
            var since = _forgotten.GetValueOrDefault(key);
            _forgotten[key] = (since > now ? since : now) + s_pause;
        }
    }

    private IPAddress KeyOf(IPAddress? address)
    {
        var key = NetworkOf(address ?? IPAddress.None);
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

    private static IPAddress NetworkOf(IPAddress address)
    {
        if (address.AddressFamily is not AddressFamily.InterNetworkV6)
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }
}
