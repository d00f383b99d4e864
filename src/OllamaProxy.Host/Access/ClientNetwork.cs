using System.Net;
using System.Net.Sockets;

namespace OllamaProxy.Host.Access;

/// <summary>
/// What limits and turns count as one client. An IPv6 client counts as its /64 network, because it may choose any address in there. Records and pages show
/// the address itself.
/// </summary>
internal static class ClientNetwork
{
    private const int NetworkBytes = 8;

    /// <summary>64:ff9b::/96 holds all of IPv4 (RFC 6052), so these addresses are as many clients as they look.</summary>
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
