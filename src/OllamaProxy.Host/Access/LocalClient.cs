using System.Net;
using System.Net.Sockets;

namespace OllamaProxy.Host.Access;

/// <summary>Tells whether a request comes from this machine, and not through another proxy or from a page whose name was made to point here.</summary>
internal static class LocalClient
{
    private static readonly string[] s_names = ["localhost", "127.0.0.1", "[::1]", "::1"];

    /// <summary>The peer is a loopback address, nobody passed the request on, and it was sent to this machine by a name of it.</summary>
    public static bool Is(HttpContext http) => HasLoopbackAddress(http) && ForwardingHeader(http) is null && HasLoopbackName(http.Request.Host.Host);

    /// <summary>Why a request is not taken for one of this machine, for a person.</summary>
    public static string WhyNot(HttpContext http) =>
        !HasLoopbackAddress(http) ? "It did not come from the machine the proxy runs on."
        : ForwardingHeader(http) is { } header ? $"It came through another proxy (it has the header {header}), so it may not be from this machine."
        : "Its Host header does not name this machine (localhost, 127.0.0.1 or [::1]).";

    public static bool HasLoopbackName(string host) => s_names.Contains(host, StringComparer.OrdinalIgnoreCase);

    private static bool HasLoopbackAddress(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } address
        && IPAddress.IsLoopback(address.AddressFamily is AddressFamily.InterNetworkV6 && address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    private static string? ForwardingHeader(HttpContext http) =>
        http.Request.Headers.Keys.FirstOrDefault(name => name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase) || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase));
}
