using System.Net;
using Microsoft.Extensions.Primitives;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// Which Host and Origin go to Ollama, so that it decides as it would without us. Bound to loopback, Ollama refuses foreign hosts; bound to the network
/// it refuses none. The proxy is bound as the user wants it while Ollama behind it is on loopback: the rules make up for the difference
/// (docs/transparency.md).
/// </summary>
/// <param name="ProxyIsLoopback">Only this machine reaches the proxy.</param>
/// <param name="Backend">Where Ollama is.</param>
internal readonly record struct HostRules(bool ProxyIsLoopback, Uri Backend)
{
    /// <summary>A bare Ollama on this machine. One behind TLS is a web server's, which goes by the name in its certificate.</summary>
    private bool BackendIsLoopback => Backend.IsLoopback && Backend.Scheme == Uri.UriSchemeHttp;

    /// <summary>The Host to send; null sends none.</summary>
    public string? Host(string? original)
    {
        if (!BackendIsLoopback)
        {
            return Backend.Authority;
        }

        return ProxyIsLoopback ? original : LoopbackAuthority;
    }

    /// <summary>The Origin to send: dropped where it is the same origin as the Host that was replaced, as Ollama's own early return has it.</summary>
    public StringValues Origin(StringValues origin, string? originalHost)
    {
        var hostIsReplaced = !BackendIsLoopback || !ProxyIsLoopback;
        return hostIsReplaced && origin.Count == 1 && originalHost is not null && IsSameOrigin(origin[0], originalHost) ? StringValues.Empty : origin;
    }

    /// <summary>An IP literal: Ollama's check lets it through, and an OPTIONS request keeps the behaviour it has for addresses.</summary>
    private string LoopbackAuthority => IPAddress.TryParse(Backend.Host, out _) || Backend.HostNameType == UriHostNameType.IPv6 ? Backend.Authority : $"127.0.0.1:{Backend.Port}";

    private static bool IsSameOrigin(string? origin, string host) => origin == "http://" + host || origin == "https://" + host;
}
