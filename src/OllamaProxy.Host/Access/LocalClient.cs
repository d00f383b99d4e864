using System.Net;

namespace OllamaProxy.Host.Access;

/// <summary>Detects whether a request comes from this machine, not through another proxy and not from a DNS rebinding page.</summary>
internal static class LocalClient
{
    private static readonly string[] s_names = ["localhost", "127.0.0.1", "[::1]", "::1"];

    /// <summary>Prefixes of headers that proxies, load balancers, gateways and content delivery networks add.</summary>
    private static readonly string[] s_forwardingPrefixes =
    [
        "Akamai-", "Ali-", "Cdn-", "CF-", "CloudFront-", "Fastly-", "Fly-", "Front-End-", "Incap-", "MS-ASPNETCORE-", "Ngrok-", "Proxy-", "SSL-", "Surrogate-",
        "Tailscale-", "Via", "WL-", "X-Accel-", "X-Akamai-", "X-Amz", "X-Appengine-", "X-ARR-", "X-Auth-Request-", "X-Authentik-", "X-Azure-", "X-BlueCoat-",
        "X-Cdn", "X-CF-", "X-Client", "X-Cloud-Trace-", "X-Cluster-", "X-Consumer-", "X-Edge-", "X-Envoy-", "X-Gateway", "X-Goog-", "X-Haproxy-", "X-Host",
        "X-Https", "X-Ingress-", "X-Kong-", "X-LB-", "X-MS-Client-", "X-Netlify-", "X-Nf-", "X-NginX-", "X-Origin", "X-Peer-", "X-Pomerium-", "X-Proxy",
        "X-Real-", "X-Replaced-", "X-Request-Start", "X-Rewrite-", "X-Scheme", "X-Server-", "X-SSL", "X-Sucuri-", "X-Traefik-", "X-Upstream", "X-Url-Scheme",
        "X-Varnish", "X-Vercel-", "X-WebAuth-",
    ];

    /// <summary>Substrings of such headers: <c>True-Client-IP</c>, <c>X_Forwarded_For</c>, <c>Remote-User</c> and similar ones.</summary>
    private static readonly string[] s_forwardingParts =
    [
        "Forward", "RealIP", "Remote", "ClientIP", "ClientAddr", "ClientHost", "ClientCert", "ComingFrom", "ConnectingIP", "CallerIP", "EndpointIP", "SourceIP",
        "SrcIP", "UserIP", "VisitorIP", "OriginIP", "OriginatingIP",
    ];

    /// <summary>True when the peer is a loopback address, nothing forwarded the request, and its Host names this machine.</summary>
    public static bool Is(HttpContext http) => HasLoopbackAddress(http) && Forwarding(http) is null && HasLoopbackName(http.Request.Host.Host);

    /// <summary>Why a request does not count as local, readable by a person.</summary>
    public static string WhyNot(HttpContext http) =>
        !HasLoopbackAddress(http) ? "The request did not come from the proxy's own machine."
        : Forwarding(http) is { } sign ? $"Another proxy forwarded it (it {sign}), so it may come from another machine."
        : "Its Host header does not name this machine (localhost, 127.0.0.1 or [::1]).";

    public static bool HasLoopbackName(string host) => s_names.Contains(host, StringComparer.OrdinalIgnoreCase);

    private static bool HasLoopbackAddress(HttpContext http) =>
        http.Connection.RemoteIpAddress is { } address && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    /// <summary>
    /// The sign that something forwarded the request. nginx adds no header by default, but uses HTTP/1.0 (until 1.29), unlike any client of the API.
    /// </summary>
    private static string? Forwarding(HttpContext http) =>
        HttpProtocol.IsHttp10(http.Request.Protocol) ? "is HTTP/1.0"
        : http.Request.Headers.Keys.FirstOrDefault(IsForwarding) is { } name ? $"has the header {name}"
        : null;

    private static bool IsForwarding(string name)
    {
        var plain = name.Replace("-", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);
        return Array.Exists(s_forwardingPrefixes, prefix => name.Replace('_', '-').StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            || Array.Exists(s_forwardingParts, part => plain.Contains(part, StringComparison.OrdinalIgnoreCase));
    }
}
