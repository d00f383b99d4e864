using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Primitives;

namespace OllamaProxy.Host.Access;

/// <summary>
/// Finds the client behind trusted proxies. <c>X-Forwarded-For</c> and <c>Forwarded</c> (RFC 7239) are read from the right, because each proxy appends the
/// address of its peer. The first untrusted address is the client; it could forge anything to its left. The headers themselves are forwarded unchanged.
/// </summary>
internal static class TrustedProxies
{
    /// <summary>A limit beyond any real chain of proxies.</summary>
    private const int MaxHops = 100;

    /// <summary>The client's address, with IPv4-mapped IPv6 as IPv4; null when the connection has none.</summary>
    public static IPAddress? ClientOf(HttpContext context, IReadOnlyList<IPNetwork> trusted)
    {
        var peer = Normalize(context.Connection.RemoteIpAddress);
        return peer is null || trusted.Count == 0 ? peer : ClientOf(peer, context.Request.Headers, trusted);
    }

    /// <summary>A proxy writes one of the headers and may forward the client's copy of the other. If they disagree, neither can be trusted.</summary>
    internal static IPAddress ClientOf(IPAddress peer, IHeaderDictionary headers, IReadOnlyList<IPNetwork> trusted)
    {
        if (!IsTrusted(peer, trusted))
        {
            return peer;
        }

        var forwardedFor = headers["X-Forwarded-For"];
        var forwarded = headers["Forwarded"];
        if (forwarded.Count == 0)
        {
            return Walk(peer, AddressesFromRight(forwardedFor), trusted);
        }

        var client = Walk(peer, ForwardedHeader.AddressesFromRight(forwarded), trusted);
        return forwardedFor.Count == 0 || client.Equals(Walk(peer, AddressesFromRight(forwardedFor), trusted)) ? client : peer;
    }

    /// <summary>Parses an address as proxies write it: IPv6 with or without brackets and zone, a port optional. Null for anything else.</summary>
    internal static IPAddress? Parse(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        if (text.Length is 0 or > 64)
        {
            return null;
        }

        if (text[0] == '[')
        {
            var end = text.IndexOf(']');
            return end > 0
                && IsPort(text[(end + 1)..])
                && IPAddress.TryParse(text[1..end], out var inBrackets)
                && inBrackets.AddressFamily == AddressFamily.InterNetworkV6
                ? Normalize(inBrackets)
                : null;
        }

        if (text.Count(':') == 1)
        {
            var colon = text.IndexOf(':');
            if (!IsPort(text[colon..]))
            {
                return null;
            }

            text = text[..colon];
        }

        // Require canonical text: the parser also accepts "1" and "0x7f.1" as IPv4.
        return IPAddress.TryParse(text, out var address) && (address.AddressFamily == AddressFamily.InterNetworkV6 || text.SequenceEqual(address.ToString()))
            ? Normalize(address)
            : null;
    }

    private static IPAddress Walk(IPAddress peer, IEnumerable<IPAddress?> addresses, IReadOnlyList<IPNetwork> trusted)
    {
        var client = peer;
        foreach (var address in addresses.Take(MaxHops))
        {
            // A proxy that hides its peer ("unknown") or sends garbage is the last known address.
            if (address is null)
            {
                break;
            }

            client = address;
            if (!IsTrusted(client, trusted))
            {
                break;
            }
        }

        return client;
    }

    private static IEnumerable<IPAddress?> AddressesFromRight(StringValues lines)
    {
        for (var index = lines.Count - 1; index >= 0; index--)
        {
            var line = lines[index] ?? "";
            for (var end = line.Length; end >= 0;)
            {
                var comma = end == 0 ? -1 : line.LastIndexOf(',', end - 1);
                yield return Parse(line.AsSpan(comma + 1, end - comma - 1));
                end = comma;
            }
        }
    }

    private static bool IsTrusted(IPAddress address, IReadOnlyList<IPNetwork> trusted)
    {
        foreach (var network in trusted)
        {
            if (network.Contains(address))
            {
                return true;
            }
        }

        return false;
    }

    private static bool IsPort(ReadOnlySpan<char> text) =>
        text.IsEmpty || (text.Length is >= 2 and <= 6 && text[0] == ':' && !text[1..].ContainsAnyExceptInRange('0', '9'));

    /// <summary>Removes the zone, which has no meaning on another machine.</summary>
    private static IPAddress? Normalize(IPAddress? address) =>
        address is null ? null :
        address.IsIPv4MappedToIPv6 ? address.MapToIPv4() :
        address.AddressFamily == AddressFamily.InterNetworkV6 && address.ScopeId != 0 ? new IPAddress(address.GetAddressBytes()) :
        address;
}
