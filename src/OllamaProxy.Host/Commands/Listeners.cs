using System.Net;
using System.Net.Sockets;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// The sockets of the proxy, bound before anything else starts, so a port in use is detected before Ollama starts. They listen only when Kestrel takes them,
/// after the backend is known; until then connections are refused. A port chosen by the system listens at once.
/// </summary>
internal sealed class Listeners : IDisposable
{
    /// <summary>In the order of requests, because two ports chosen by the system have equal endpoints until they are bound.</summary>
    private readonly List<(IPEndPoint End, Socket Socket)> _sockets = [];

    private Listeners()
    {
    }

    /// <summary>The addresses that could be bound, in the order of the setting.</summary>
    public IReadOnlyList<IPAddress> Addresses { get; private set; } = [];

    /// <summary>True when the machine has no IPv6.</summary>
    public bool WithoutIPv6 { get; private set; }

    /// <summary>Binds every address. Throws <see cref="StartException"/> on failure; only IPv6 loopback may be missing.</summary>
    public static async Task<Listeners> BindAsync(ProxyOptions options, ScrapeOptions scrape, CancellationToken cancellationToken)
    {
        var listeners = new Listeners();
        try
        {
            foreach (var address in options.Addresses)
            {
                try
                {
                    listeners.Bind(new IPEndPoint(address, options.Port), options.Addresses);
                }
                catch (SocketException exception) when (IsNoIPv6(exception, address) && options.Addresses.Count > 1)
                {
                    listeners.WithoutIPv6 = true;
                }
                catch (SocketException exception)
                {
                    throw new StartException(await ExplainAsync(exception, address, options.Port, cancellationToken));
                }
            }

            listeners.Addresses = [.. listeners._sockets.Select(socket => socket.End.Address)];
            listeners.BindMetrics(scrape.Port);
        }
        catch
        {
            listeners.Dispose();
            throw;
        }

        return listeners;
    }

    /// <summary>Hands the socket of an endpoint to Kestrel, which then owns it.</summary>
    public Socket Take(EndPoint end)
    {
        var at = _sockets.FindIndex(bound => bound.End.Equals(end));
        if (at < 0)
        {
            throw new StartException($"No socket was bound for {end}.");
        }

        var socket = _sockets[at].Socket;
        _sockets.RemoveAt(at);
        return socket;
    }

    /// <summary>Why an address could not be bound, and the fix.</summary>
    public static async Task<string> ExplainAsync(SocketException exception, IPAddress address, int port, CancellationToken cancellationToken)
    {
        switch (exception.SocketErrorCode)
        {
            case SocketError.AddressAlreadyInUse:
                using (var probe = new BackendProbe())
                {
                    var reachable = address.Equals(IPAddress.Any) ? IPAddress.Loopback : address.Equals(IPAddress.IPv6Any) ? IPAddress.IPv6Loopback : address;
                    var holder = await probe.IdentifyAsync(new Uri($"http://{new IPEndPoint(reachable, port)}"), cancellationToken);
                    return Taken(port, holder, PortOwner.Find(port));
                }

            case SocketError.AccessDenied:
                return $"Port {port} cannot be opened on {address}: the system reserves it, or it needs more rights. Choose another port with PROXY_PORT.";
            case SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported:
                return $"{address} is not an address of this machine. PROXY_HOST must list addresses of this machine; 0.0.0.0 means all.";
            default:
                return $"{new IPEndPoint(address, port)} could not be opened: {exception.Message}. Set another address with PROXY_PORT and PROXY_HOST.";
        }
    }

    public void Dispose()
    {
        foreach (var (_, socket) in _sockets)
        {
            socket.Dispose();
        }

        _sockets.Clear();
    }

    /// <summary>Names the owner of the port, and the fix, which depends on the service that would restart it.</summary>
    internal static string Taken(int port, PortHolder holder, PortOwner? owner)
    {
        var who = (holder.Kind, owner?.Describe()) switch
        {
            (PortHolderKind.None, { Length: > 0 } known) => known,
            (PortHolderKind.None, _) => "another program",
            (PortHolderKind.Proxy, { Length: > 0 } known) when known.StartsWith("ollama-proxy", StringComparison.Ordinal) => $"another {known}",
            (_, { Length: > 0 } known) => $"{holder.Description}: {known}",
            _ => holder.Description,
        };
        List<string> ways = [.. owner?.WaysToFree(port) ?? []];
        if (holder.Kind == PortHolderKind.Ollama)
        {
            if (ways.Count == 0)
            {
                ways.Add("stop it (systemctl stop ollama, or quit the Ollama app)");
            }

            ways.Add($"keep it, and run the proxy on another port: PROXY_PORT=8080 OLLAMA_BACKEND_URL=http://127.0.0.1:{port} ollama-proxy");
        }
        else if (ways.Count == 0)
        {
            return $"Port {port} is in use by {who}. Stop that {(holder.Kind == PortHolderKind.Proxy ? "one" : "program")}, or choose another port with "
                + "PROXY_PORT.";
        }
        else
        {
            ways.Add("or choose another port with PROXY_PORT");
        }

        var closing = holder.Kind == PortHolderKind.Ollama ? $"{Environment.NewLine}Once the port is free, ollama-proxy starts its own Ollama." : "";
        return $"Port {port} is in use by {who}. Do one of these:{string.Concat(ways.Select(way => $"{Environment.NewLine}  - {way}"))}{closing}";
    }

    private static bool IsNoIPv6(SocketException exception, IPAddress address) =>
        address.Equals(IPAddress.IPv6Loopback)
        && exception.SocketErrorCode is SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable or SocketError.ProtocolNotSupported;

    /// <summary>Binds METRICS_PORT on the proxy's addresses.</summary>
    private void BindMetrics(int? port)
    {
        foreach (var address in port is null ? [] : Addresses)
        {
            try
            {
                Bind(new IPEndPoint(address, port!.Value), Addresses);
            }
            catch (SocketException exception)
            {
                throw new StartException(
                    $"Port {port} could not be opened on {address} for /metrics: {exception.Message}. Choose another one with METRICS_PORT.");
            }
        }
    }

    private void Bind(IPEndPoint end, IReadOnlyList<IPAddress> all)
    {
        var socket = new Socket(end.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (OperatingSystem.IsWindows())
            {
                // Otherwise another program may bind the same port and take the traffic.
                socket.ExclusiveAddressUse = true;
            }

            if (end.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = !all.Contains(IPAddress.Any);
            }

            socket.Bind(end);
            if (end.Port == 0)
            {
                // Another program can get the same port while it is only bound; a listening port is exclusive.
                socket.Listen();
            }

            _sockets.Add((end, socket));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
