using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace OllamaProxy.Host.Configuration;

/// <summary>
/// Interprets the user's <c>OLLAMA_HOST</c>. Ollama's server and all its clients read the same variable, so it may name the proxy's port, Ollama's private
/// port, or another machine.
/// </summary>
internal static class OllamaHost
{
    private const string AllAddresses = "0.0.0.0";

    /// <summary>The address that Go's server uses without a host, as in <c>:11435</c>.</summary>
    private const string AllAddresses6 = "[::]";

    /// <summary>Applies the variable to the settings; adds errors to <paramref name="problems"/> and hints to the notices.</summary>
    public static ProxySettings Apply(ProxySettings settings, List<string> problems)
    {
        if (settings.OllamaHost is not { } text || settings.Ollama.BackendUrl is not null)
        {
            return settings;
        }

        var shown = EnvironmentVariables.Shown("OLLAMA_HOST", text);
        var (host, port) = Parse(text);
        if (!IsLocal(host))
        {
            problems.Add($"OLLAMA_HOST=\"{shown}\": names another machine. Use OLLAMA_BACKEND_URL for an Ollama on another machine, or unset OLLAMA_HOST.");
            return settings;
        }

        if (port == settings.Proxy.Port)
        {
            var opens = Bind(host) is AllAddresses or AllAddresses6 ? " To open the proxy to the network, set PROXY_HOST." : "";
            return With(
                settings,
                $"OLLAMA_HOST=\"{shown}\" is ignored: the proxy uses that port, and Ollama gets {settings.Ollama.BackendPort} (OLLAMA_BACKEND_PORT).{opens}");
        }

        if (settings.Ollama.BackendPortChosen ? port != settings.Ollama.BackendPort : port is 0)
        {
            return With(settings, $"OLLAMA_HOST=\"{shown}\" is ignored: Ollama gets port {settings.Ollama.BackendPort} (OLLAMA_BACKEND_PORT).");
        }

        var bind = Bind(host);
        settings = settings with { Ollama = settings.Ollama with { BindHost = bind, BackendPort = port, BackendPortChosen = true } };
        return IPAddress.TryParse(bind, out var address) && IPAddress.IsLoopback(address)
            ? settings
            : With(settings, $"OLLAMA_HOST=\"{shown}\" lets other machines bypass the proxy, so their requests are not recorded.");
    }

    /// <summary>The address that Ollama's server binds for a host: every address without a host, and IPv6 in brackets.</summary>
    private static string Bind(string host) =>
        host.Length == 0 ? AllAddresses6 :
        !IPAddress.TryParse(host, out var address) ? host.Equals("localhost", StringComparison.OrdinalIgnoreCase) ? "127.0.0.1" : host :
        address.AddressFamily == AddressFamily.InterNetworkV6 ? $"[{address}]" :
        address.ToString();

    /// <summary>
    /// Parses host and port like Ollama's <c>envconfig.Host</c>: quotes and path are dropped, the scheme decides the default port, and an invalid port means
    /// the default.
    /// </summary>
    internal static (string Host, int Port) Parse(string text)
    {
        text = text.Trim().Trim('"', '\'').Trim();
        var (fallback, rest) = text switch
        {
            _ when text.StartsWith("http://", StringComparison.OrdinalIgnoreCase) => (80, text[7..]),
            _ when text.StartsWith("https://", StringComparison.OrdinalIgnoreCase) => (443, text[8..]),
            _ => (11434, text),
        };
        rest = rest.Split('/', 2)[0];
        if (!rest.StartsWith('[') && IPAddress.TryParse(rest, out var bare))
        {
            return (bare.ToString(), fallback);
        }

        var colon = rest.LastIndexOf(':');
        if (colon < 0 || rest.EndsWith(']'))
        {
            return (rest.Trim('[', ']'), fallback);
        }

        var isPort = int.TryParse(rest[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port <= 65_535;
        return (rest[..colon].Trim('[', ']'), isPort ? port : fallback);
    }

    private static bool IsLocal(string host) =>
        host.Length == 0
        || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.Equals(Dns.GetHostName(), StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address)
            && (IPAddress.IsLoopback(address) || address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any) || IsOwnAddress(address)));

    private static bool IsOwnAddress(IPAddress address)
    {
        try
        {
            return NetworkInterface.GetAllNetworkInterfaces().SelectMany(network => network.GetIPProperties().UnicastAddresses)
                .Any(own => own.Address.Equals(address));
        }
        catch (Exception exception) when (exception is NetworkInformationException or SocketException or PlatformNotSupportedException)
        {
            return false;
        }
    }

    private static ProxySettings With(ProxySettings settings, string notice) => settings with { Notices = [.. settings.Notices, notice] };
}
