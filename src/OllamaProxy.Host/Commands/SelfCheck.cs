using System.Net;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// Checks which program answers at the addresses of clients. A bound socket does not guarantee the traffic: on Windows and macOS a program on 127.0.0.1 takes
/// it from one on all addresses, and one on [::1] takes <c>localhost</c>. The proxy therefore looks for its own random id. It also checks that Ollama's address
/// does not lead back to the proxy, which would loop requests forever.
/// </summary>
internal static class SelfCheck
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    /// <returns>The problems; empty without any.</returns>
    public static async Task<IReadOnlyList<string>> WarningsAsync(IReadOnlyList<IPAddress> bound, int port, ProxyInstance own,
        CancellationToken cancellationToken)
    {
        using var probe = new BackendProbe();
        List<string> warnings = [];
        foreach (var address in AskedAddresses(bound))
        {
            var end = new IPEndPoint(address, port);
            var holder = await probe.IdentifyAsync(new Uri($"http://{end}"), cancellationToken);
            if (holder.Instance != own.Id && (holder.Kind != PortHolderKind.None || Covers(bound, address)))
            {
                var owner = PortOwner.Find(port)?.Describe() is { Length: > 0 } known && holder.Kind != PortHolderKind.None ? $" ({known})" : "";
                warnings.Add($"On {end} {(holder.Kind == PortHolderKind.None ? "no program" : holder.Description)}{owner} answers instead of this proxy, "
                    + "so clients that connect there bypass it.");
            }
        }

        return warnings;
    }

    /// <summary>Throws <see cref="StartException"/> when the address of Ollama leads back to this proxy.</summary>
    /// <returns>True when Ollama answers there. A web server in front of it may hide the greeting, so its version counts too.</returns>
    public static async Task<bool> RefuseLoopAsync(IOllamaProcessSupervisor ollama, ProxyInstance own, CancellationToken cancellationToken)
    {
        using var probe = new BackendProbe();
        var holder = await probe.IdentifyAsync(ollama.Backend, cancellationToken);
        if (holder.Instance == own.Id)
        {
            throw new StartException($"{ollama.Backend.Authority} (OLLAMA_BACKEND_URL) leads back to this proxy. Set it to the address of Ollama itself.");
        }

        return holder.Kind switch
        {
            PortHolderKind.None => false,
            PortHolderKind.Foreign => await probe.VersionAsync(ollama.Backend, s_patience, cancellationToken) is not null,
            _ => true,
        };
    }

    /// <summary>The addresses that local clients use: both loopback addresses if one of them is bound, and the addresses bound explicitly.</summary>
    private static IEnumerable<IPAddress> AskedAddresses(IReadOnlyList<IPAddress> bound)
    {
        var loopback = Covers(bound, IPAddress.Loopback) || Covers(bound, IPAddress.IPv6Loopback)
            ? (IPAddress[])[IPAddress.Loopback, IPAddress.IPv6Loopback]
            : [];
        return loopback.Concat(bound.Where(static address => !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any))).Distinct();
    }

    private static bool Covers(IReadOnlyList<IPAddress> bound, IPAddress address) =>
        bound.Any(own => own.Equals(address)
            || (own.Equals(IPAddress.Any) && address.Equals(IPAddress.Loopback))
            || (own.Equals(IPAddress.IPv6Any) && (address.Equals(IPAddress.IPv6Loopback) || address.Equals(IPAddress.Loopback))));
}
