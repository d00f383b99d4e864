using System.Net;
using System.Net.Sockets;

namespace OllamaProxy.Host.Access;

/// <summary>
/// The identity of a client for limits and turns. An IPv6 client is its /64 network, because it can choose any address in it. Records and pages show the actual
/// address.
/// </summary>
internal static class ClientNetwork
{
    private const int NetworkBytes = 8;

    /// <summary>64:ff9b::/96 contains all of IPv4 (RFC 6052), so each of these addresses is its own client.</summary>
    private static ReadOnlySpan<byte> Translated => [0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0];

    public static IPAddress Of(IPAddress address)
    {
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return address;
        }

        if (address.IsIPv4MappedToIPv6)
        {
            return address.MapToIPv4();
        }

        // All machines of a link share fe80::/64, and ::1 is this machine.
        if (address.IsIPv6LinkLocal || IPAddress.IsLoopback(address))
        {
            return address;
        }

        Span<byte> bytes = stackalloc byte[16];
        address.TryWriteBytes(bytes, out _);
        if (bytes.StartsWith(Translated))
        {
            return new IPAddress(bytes[Translated.Length..]);
        }

        bytes[NetworkBytes..].Clear();
        return new IPAddress(bytes);
    }
}
