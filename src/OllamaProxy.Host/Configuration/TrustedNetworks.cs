using System.Globalization;
using System.Net;

namespace OllamaProxy.Host.Configuration;

/// <summary>Reads addresses and networks as people write them: <c>10.0.0.1, 192.168.1.7/24, fd00::/8, localhost</c>.</summary>
internal static class TrustedNetworks
{
    /// <summary>The networks; null when a part is invalid.</summary>
    public static IReadOnlyList<IPNetwork>? Parse(string text)
    {
        List<IPNetwork> networks = [];
        foreach (var part in text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (part.Equals("localhost", StringComparison.OrdinalIgnoreCase))
            {
                networks.AddRange([new IPNetwork(IPAddress.Loopback, 32), new IPNetwork(IPAddress.IPv6Loopback, 128)]);
            }
            else if (ParseOne(part) is { } network)
            {
                networks.Add(network);
            }
            else
            {
                return null;
            }
        }

        return networks.Count == 0 ? null : networks;
    }

    private static IPNetwork? ParseOne(string part)
    {
        var slash = part.IndexOf('/', StringComparison.Ordinal);
        if (!IPAddress.TryParse((slash < 0 ? part : part[..slash]).Trim('[', ']'), out var address))
        {
            return null;
        }

        var bits = address.GetAddressBytes().Length * 8;
        var length = bits;
        if (slash >= 0 && (!int.TryParse(part.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out length) || length > bits))
        {
            return null;
        }

        // Client addresses are compared as IPv4 too.
        if (address.IsIPv4MappedToIPv6 && length >= 96)
        {
            (address, length) = (address.MapToIPv4(), length - 96);
        }

        return new IPNetwork(Beginning(address, length), length);
    }

    /// <summary>The network's base address: 192.168.1.7/24 means 192.168.1.0/24.</summary>
    private static IPAddress Beginning(IPAddress address, int length)
    {
        var bytes = address.GetAddressBytes();
        for (var index = 0; index < bytes.Length; index++)
        {
            var kept = Math.Clamp(length - (index * 8), 0, 8);
            bytes[index] &= (byte)(0xFF00 >> kept);
        }

        return new IPAddress(bytes);
    }
}
