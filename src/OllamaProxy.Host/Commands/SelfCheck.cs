using System.Net;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// Asks who answers where clients will ask. A socket that could be bound is no proof that it gets the traffic: on Windows and macOS a program that binds
/// 127.0.0.1 takes it from one that binds every address, and another one on [::1] takes what says <c>localhost</c>. So the proxy looks for itself, by a name
/// nobody else can have; and it makes sure that what it takes for Ollama does not lead back to itself, where a request would go round for ever.
/// </summary>
internal static class SelfCheck
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <returns>What is wrong, in words; nothing when all is well.</returns>
    public static async Task<IReadOnlyList<string>> WarningsAsync(IReadOnlyList<IPAddress> bound, int port, ProxyInstance own, CancellationToken cancellationToken)
    {
        using var probe = new BackendProbe();
        List<string> warnings = [];
        foreach (var address in AskedAddresses(bound))
        {
            var end = new IPEndPoint(address, port);
            var holder = await probe.IdentifyAsync(new Uri($"http://{end}"), cancellationToken);
            if (holder.Instance != own.Id && (holder.Kind != PortHolderKind.Nobody || Covers(bound, address)))
            {
                var owner = PortOwner.Find(port)?.Describe() is { Length: > 0 } known && holder.Kind != PortHolderKind.Nobody ? $" ({known})" : "";
                warnings.Add($"On {end} {(holder.Kind == PortHolderKind.Nobody ? "nobody" : holder.Description)}{owner} answers, and not this proxy: clients that connect there go around it.");
            }
        }

        return warnings;
    }

    /// <summary>Throws <see cref="StartException"/> when the way to Ollama ends at this proxy.</summary>
    /// <returns>Whether an Ollama answers there. A web server before it may keep its greeting to itself, so the version counts, too.</returns>
    public static async Task<bool> RefuseLoopAsync(IOllamaProcessSupervisor ollama, ProxyInstance own, CancellationToken cancellationToken)
    {
        using var probe = new BackendProbe();
        var holder = await probe.IdentifyAsync(ollama.Backend, cancellationToken);
        if (holder.Instance == own.Id)
        {
            throw new StartException($"{ollama.Backend.Authority} (OLLAMA_BACKEND_URL) leads back to this proxy; it must be the real Ollama.");
        }

        return holder.Kind switch
        {
            PortHolderKind.Nobody => false,
            PortHolderKind.Foreign => await probe.VersionAsync(ollama.Backend, s_patience, cancellationToken) is not null,
            _ => true,
        };
    }

    /// <summary>Where clients of this machine ask: both loopback addresses as soon as one of them is ours, and what was bound by name.</summary>
    private static IEnumerable<IPAddress> AskedAddresses(IReadOnlyList<IPAddress> bound)
    {
        var loopback = Covers(bound, IPAddress.Loopback) || Covers(bound, IPAddress.IPv6Loopback) ? (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback] : [];
        return loopback.Concat(bound.Where(static address => !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any))).Distinct();
    }

    private static bool Covers(IReadOnlyList<IPAddress> bound, IPAddress address) =>
        bound.Any(own => own.Equals(address)
            || (own.Equals(IPAddress.Any) && address.Equals(IPAddress.Loopback))
            || (own.Equals(IPAddress.IPv6Any) && (address.Equals(IPAddress.IPv6Loopback) || address.Equals(IPAddress.Loopback))));
}
