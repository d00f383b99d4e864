using System.Net;
using System.Net.Sockets;

namespace OllamaProxy.Host.Proxy;

/// <summary>
/// A token goes on its way on the thread that saw it arrive: waking another one first costs more than the forwarding (docs/performance.md). .NET has a
/// switch for that, an environment variable that is read once. So it is set for a moment: Ollama, our child, gets the environment as it was.
/// The price is that nothing on those threads may take long; <see cref="PoolScheduler"/> and <see cref="Fairness"/> see to that.
/// </summary>
internal static class InlineSockets
{
    private const string Switch = "DOTNET_SYSTEM_NET_SOCKETS_INLINE_COMPLETIONS";

    /// <summary>To be called before any socket waits. On Windows, whose sockets work otherwise, it changes nothing, and what the user has set stands.</summary>
    public static void Enable()
    {
#pragma warning disable RS0030 // No setting of ours: .NET's.
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
            // The first wait of a socket reads the switch. Nobody sends anything; the wait ends with the socket.
            _ = socket.ReceiveAsync(new byte[1].AsMemory(), SocketFlags.None).AsTask().ContinueWith(
                static ended => ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
        // Without IPv4, or where the service may not use it, things work as .NET means them to.
        catch (SocketException)
        {
        }
        finally
        {
            Environment.SetEnvironmentVariable(Switch, null);
        }
    }
}
