using System.Net;
using System.Net.Sockets;

namespace OllamaProxy.Host.Analytics;

/// <summary>Prompts are shown to this machine only: not to the network, not through another proxy, and not to a page whose name was made to point here.</summary>
internal static class LocalOnly
{
    private static readonly string[] s_hosts = ["localhost", "127.0.0.1", "[::1]", "::1"];

    /// <summary>The reason for a refusal, or null.</summary>
    internal static string? WhyNot(HttpContext http)
    {
        if (http.Connection.RemoteIpAddress is not { } address || !IsLoopback(address))
        {
            return "This shows what was asked of your models, so it is answered only on connections from the machine the proxy runs on.";
        }

        if (http.Request.Headers.Keys.FirstOrDefault(name => name.Equals("Forwarded", StringComparison.OrdinalIgnoreCase) || name.StartsWith("X-Forwarded-", StringComparison.OrdinalIgnoreCase)) is { } header)
        {
            return $"The request came through another proxy (it has the header {header}), so it may not be from this machine.";
        }

        return s_hosts.Contains(http.Request.Host.Host, StringComparer.OrdinalIgnoreCase)
            ? null
            : "The Host header does not name this machine. Use localhost, 127.0.0.1 or [::1].";
    }

    private static bool IsLoopback(IPAddress address) =>
        IPAddress.IsLoopback(address.AddressFamily is AddressFamily.InterNetworkV6 && address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);
}
