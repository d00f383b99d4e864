using System.Globalization;
using System.Text;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Commands;

/// <summary>The summary after a successful start: where to connect, and where things are.</summary>
internal static class Banner
{
    public static string Text(WebApplication app, ProxySettings settings, IOllamaProcessSupervisor ollama, bool answers, bool withoutIPv6)
    {
        string[] all = [.. app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()?.Addresses ?? []];
        // The addresses of the metrics port follow those of the proxy's port.
        var addresses = settings.Scrape.Port is null ? all : all[..(all.Length / 2)];
        var first = Reachable(addresses.FirstOrDefault());
        var text = new StringBuilder();
        var isReady = answers && ollama.State.AcceptsRequests() && ollama.State != OllamaState.Unhealthy;
        var state = isReady
            ? Terminal.Paint(Ansi.Green, "ready")
            : Terminal.Paint(Ansi.Yellow, $"listening; Ollama at {ollama.Backend.Authority} does not answer yet");
        text.Append(CultureInfo.InvariantCulture, $"ollama-proxy {HelpText.Version} is {state}.").AppendLine();
        Line(text, "Listening", string.Join(", ", addresses) + (withoutIPv6 ? " (this machine has no IPv6)" : ""));
        Line(text, "Ollama", $"{ollama.Backend.ToString().TrimEnd('/')}, {Origin(settings, ollama)}");
        Line(text, "Metrics", $"{(settings.Scrape.Port is null ? first : Reachable(all.ElementAtOrDefault(addresses.Length)))}/metrics");
        var asks = settings.Access is { Token: not null, TrustsLocal: false } ? " (requires ANALYTICS_TOKEN)" : "";
        Line(text, "Analytics", settings.Analytics.Backend == "none" ? "off (ANALYTICS_BACKEND=none)" : $"{first}/analytics{asks}");
        if (settings.Analytics.Backend != "none")
        {
            var kept = settings.Analytics.RetentionDays == 0 ? "kept forever" : $"kept {Amount.Of(settings.Analytics.RetentionDays, "day")}";
            Line(text, "Data", $"{settings.Analytics.Place} ({settings.Analytics.Backend}, {kept})");
        }

        if (!settings.Proxy.IsLoopbackOnly)
        {
            Line(text, "Network", "other machines can connect (PROXY_HOST)");
        }

        text.Append("  Ctrl+C stops it after running requests have finished.");
        return text.ToString();
    }

    private static string Reachable(string? address) =>
        (address ?? "").Replace("0.0.0.0", "127.0.0.1", StringComparison.Ordinal).Replace("[::]", "[::1]", StringComparison.Ordinal);

    private static string Origin(ProxySettings settings, IOllamaProcessSupervisor ollama) => ollama.State switch
    {
        OllamaState.Unhealthy => "does not answer",
        _ when settings.Ollama.BackendUrl is not null => "from OLLAMA_BACKEND_URL",
        OllamaState.External => "already running; the proxy will not stop it",
        OllamaState.Starting => $"started by this program (process {ollama.ProcessId}), still starting",
        _ => $"started by this program (process {ollama.ProcessId})",
    };

    private static void Line(StringBuilder text, string name, string value) =>
        text.Append("  ").Append(Terminal.Paint(Ansi.Bold, name)).Append(' ', 11 - name.Length).Append(value).AppendLine();
}
