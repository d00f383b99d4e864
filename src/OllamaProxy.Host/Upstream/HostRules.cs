using System.Net;
using Microsoft.Extensions.Primitives;

namespace OllamaProxy.Host.Upstream;

/// <summary>
/// Chooses the Host and Origin that Ollama gets, so it decides as without the proxy. On loopback, Ollama rejects foreign hosts; on other addresses it rejects
/// none. The proxy may listen on the network while Ollama listens on loopback; the rules correct for that (docs/transparency.md).
/// </summary>
/// <param name="ProxyIsLoopback">Only this machine reaches the proxy.</param>
/// <param name="Backend">The URL of Ollama.</param>
internal readonly record struct HostRules(bool ProxyIsLoopback, Uri Backend)
{
    /// <summary>An Ollama on this machine. Behind TLS there is a web server, which expects the name in its certificate.</summary>
    private bool BackendIsLoopback => Backend.IsLoopback && Backend.Scheme == Uri.UriSchemeHttp;

    /// <summary>The Host to send; null sends none.</summary>
    public string? Host(string? original) => !BackendIsLoopback ? Backend.Authority : ProxyIsLoopback ? original : LoopbackAuthority;

    /// <summary>The Origin to send. It is removed when it equals the Host that was replaced, which Ollama would have accepted.</summary>
    public StringValues Origin(StringValues origin, string? originalHost)
    {
        var hostIsReplaced = !BackendIsLoopback || !ProxyIsLoopback;
        return hostIsReplaced && origin.Count == 1 && originalHost is not null && IsSameOrigin(origin[0], originalHost) ? StringValues.Empty : origin;
    }

    /// <summary>An IP literal: Ollama's check accepts it, and handles OPTIONS as for any address.</summary>
    private string LoopbackAuthority =>
        IPAddress.TryParse(Backend.Host, out _) || Backend.HostNameType == UriHostNameType.IPv6 ? Backend.Authority : $"127.0.0.1:{Backend.Port}";

    private static bool IsSameOrigin(string? origin, string host) => origin == "http://" + host || origin == "https://" + host;
}
