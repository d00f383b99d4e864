using System.Net;
using System.Net.Sockets;

namespace OllamaProxy.Host.Threading;

/// <summary>
/// Forwards a token on the thread that saw it arrive, because waking another thread costs more than the forwarding (docs/decisions/0002-inline-sockets.md).
/// .NET reads the switch for that, an environment variable, once. It is set only for a moment, so Ollama gets the original environment. No work on those
/// threads may take long: see <see cref="PoolScheduler"/> and <see cref="Fairness"/>.
/// </summary>
internal static class InlineSockets
{
    private const string Switch = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>Must run before any socket waits. It changes nothing on Windows, whose sockets work differently, and keeps the user's own setting.</summary>
    public static void Enable()
    {
#pragma warning disable RS0030 // A setting of .NET, not of the proxy.
        if (OperatingSystem.IsWindows() || Environment.GetEnvironmentVariable(Switch) is not null)
#pragma warning restore RS0030
        {
            return;
        }

        Environment.SetEnvironmentVariable(Switch, "1");
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            // The first wait of a socket reads the switch. No bytes arrive; the wait ends with the socket.
            _ = socket.ReceiveAsync(new byte[1].AsMemory(), SocketFlags.None).AsTask().ContinueWith(
                static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        // Without IPv4, or where the service may not use it, .NET's default stays.
        catch (SocketException)
        {
        }
        finally
        {
            Environment.SetEnvironmentVariable(Switch, null);
        }
    }
}
