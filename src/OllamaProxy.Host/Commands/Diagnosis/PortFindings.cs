using System.Net;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands.Diagnosis;

/// <summary>The owners of the two ports.</summary>
internal static class PortFindings
{
    public static async Task<IReadOnlyList<Finding>> OfAsync(ProxySettings settings, bool isRunning, CancellationToken cancellationToken)
    {
        using var probe = new BackendProbe();
        List<Finding> findings = [];
        if (settings.Proxy.Port > 0)
        {
            var holder = await probe.IdentifyAsync(Local(settings.Proxy.Port), cancellationToken);
            findings.Add(OfProxyPort(settings.Proxy.Port, holder, isRunning));
        }

        if (settings.Ollama.BackendUrl is null)
        {
            var holder = await probe.IdentifyAsync(Local(settings.Ollama.BackendPort), cancellationToken);
            findings.Add(OfBackendPort(settings.Ollama, holder));
        }

        if (!settings.Proxy.IsLoopbackOnly && settings.Access.Token is null)
        {
            findings.Add(
                Finding.Note("network", "Other machines can use the proxy (PROXY_HOST), but not read its records.", "Set ANALYTICS_TOKEN to let them."));
        }

        return findings;
    }

    private static Finding OfProxyPort(int port, PortHolder holder, bool isRunning)
    {
        var about = $"port {port}";
        return holder.Kind switch
        {
            PortHolderKind.None => Finding.Note(about, "free; no proxy runs.", "Start it: ollama-proxy"),
            PortHolderKind.Proxy when isRunning => Finding.Ok(about, "ollama-proxy answers."),
            PortHolderKind.Ollama => Finding.Bad(
                about,
                $"in use by {Holder(port, holder)}: applications connect to it directly, and nothing is recorded.",
                Advice(port, "Stop that Ollama and start ollama-proxy, which starts its own Ollama.")),
            _ => Finding.Bad(about, $"in use by {Holder(port, holder)}.", Advice(port, "Stop that program, or choose another port with PROXY_PORT.")),
        };
    }

    private static Finding OfBackendPort(OllamaOptions ollama, PortHolder holder)
    {
        var about = $"port {ollama.BackendPort}";
        return holder.Kind switch
        {
            PortHolderKind.None => Finding.Ok(about, "free for Ollama."),
            PortHolderKind.Ollama => Finding.Ok(about, $"{holder.Description} answers."),
            PortHolderKind.Proxy => Finding.Bad(about, $"in use by {Holder(ollama.BackendPort, holder)}.", "Choose another port with OLLAMA_BACKEND_PORT."),
            _ => Finding.Warn(about, $"in use by {Holder(ollama.BackendPort, holder)}: Ollama will use another port.",
                "Stop that program, or choose another port with OLLAMA_BACKEND_PORT."),
        };
    }

    /// <summary>The program that listens, and its process.</summary>
    private static string Holder(int port, PortHolder holder) =>
        PortOwner.Find(port)?.Describe() is { Length: > 0 } owner ? $"{holder.Description}, {owner}" : holder.Description;

    /// <summary>The fix for the service that manages this process; otherwise a general one.</summary>
    private static string Advice(int port, string otherwise) =>
        PortOwner.Find(port)?.WaysToFree(port) is { Count: > 0 } ways ? string.Join("; ", ways) : otherwise;

    private static Uri Local(int port) => new($"http://{new IPEndPoint(IPAddress.Loopback, port)}");
}
