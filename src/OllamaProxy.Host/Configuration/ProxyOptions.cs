using System.Net;

namespace OllamaProxy.Host.Configuration;

/// <summary>How the proxy listens and stops.</summary>
internal sealed record ProxyOptions
{
    /// <summary>0 (any free port) to 65,535; default 11434, Ollama's own.</summary>
    public int Port { get; init; } = 11434;

    /// <summary>The addresses to listen on; by default both loopback addresses. Any other opens the proxy to the network.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; init; } = [IPAddress.Loopback, IPAddress.IPv6Loopback];

    /// <summary>True when only this machine can reach the proxy, which decides the Host and Origin rules (docs/transparency.md).</summary>
    public bool IsLoopbackOnly => Addresses.All(IPAddress.IsLoopback);

    /// <summary>The proxies in front whose forwarding headers are trusted. Default none.</summary>
    public IReadOnlyList<IPNetwork> TrustedProxies { get; init; } = [];

    /// <summary>How long a stop still accepts requests while <c>/healthz</c> answers 503. 0 to 600 s, default 0.</summary>
    public TimeSpan ShutdownDelay { get; init; }

    /// <summary>How long a stop waits for running requests. 0 to 3,600 s, default 10 s.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Whether to request token counts for OpenAI streams and remove them from the response. Off by default, because it changes bytes.</summary>
    public bool InjectUsage { get; init; }
}
