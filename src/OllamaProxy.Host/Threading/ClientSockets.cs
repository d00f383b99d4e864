using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Threading;

/// <summary>
/// Listens for clients in place of Kestrel's listener, which differs from Go's in three ways. It retries a failed accept at once, and so spins on a thread of
/// other clients while no file descriptor is left. It takes the last descriptors, so none is left for Ollama. It sets no TCP keep-alive, so the connections of
/// a machine that vanished stay forever. The connections themselves are Kestrel's.
/// </summary>
internal sealed class ClientSockets(IOptions<SocketTransportOptions> options, ILoggerFactory loggers) : IConnectionListenerFactory
{
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        try
        {
            var socket = options.Value.CreateBoundListenSocket(endpoint);
            socket.Listen(options.Value.Backlog);
            return ValueTask.FromResult<IConnectionListener>(new ClientListener(socket, options.Value, loggers));
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.AddressAlreadyInUse)
        {
            throw new AddressInUseException(exception.Message, exception);
        }
    }
}

internal sealed partial class ClientListener(Socket listening, SocketTransportOptions options, ILoggerFactory loggers) : IConnectionListener
{
    /// <summary>Seconds of silence before the first probe of a connection, and between two probes, as in Go.</summary>
    private const int KeepAliveSeconds = 15;

    /// <summary>Between two attempts while the system lacks a resource.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan s_pauseBetweenLines = TimeSpan.FromMinutes(1);

    private readonly SocketConnectionContextFactory _connections =
        new(KestrelOptions(options), loggers.CreateLogger("Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets"));

    private readonly ILogger _logger = loggers.CreateLogger<ClientListener>();
    private readonly CancellationTokenSource _unbound = new();
    private readonly long _mostDescriptors = MostDescriptors();
    private long _lastLine;

    public EndPoint EndPoint { get; } = listening.LocalEndPoint!;

    /// <returns>Null when the listener was unbound.</returns>
    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (!_unbound.IsCancellationRequested)
        {
            Socket? socket = null;
            try
            {
                socket = await listening.AcceptAsync(_unbound.Token);
                await KeepRoomAsync(socket);
                socket.NoDelay = true;
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, KeepAliveSeconds);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, KeepAliveSeconds);
                return _connections.Create(socket);
            }
            // The client has disconnected already, the listener was unbound, or the system lacks a resource.
            catch (Exception exception) when (exception is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                socket?.Dispose();
                if (exception is SocketException { SocketErrorCode: not (SocketError.ConnectionReset or SocketError.ConnectionAborted) })
                {
                    await PauseAsync(exception.Message);
                }
            }
        }

        return null;
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        await _unbound.CancelAsync();
        listening.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        listening.Dispose();
        _connections.Dispose();
        _unbound.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <summary>Holds an accepted connection while it would leave too few descriptors for connections to Ollama and for files.</summary>
    private async Task KeepRoomAsync(Socket accepted)
    {
        for (var number = (long)accepted.Handle; number >= _mostDescriptors; number = LowestFree())
        {
            await PauseAsync("few file descriptors are left");
            _unbound.Token.ThrowIfCancellationRequested();
        }
    }

    private async Task PauseAsync(string reason)
    {
        var now = Environment.TickCount64;
        if (_lastLine == 0 || now - _lastLine >= s_pauseBetweenLines.TotalMilliseconds)
        {
            _lastLine = now;
            Log.Pausing(_logger, EndPoint, reason);
        }

        await Task.Delay(s_pause, _unbound.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>The limit of descriptors for clients. It reserves a quarter of the descriptors that are free now, and at most 1,024.</summary>
    private static long MostDescriptors() =>
        OpenFileLimit.Find() is { } all ? all - Math.Clamp((all - LowestFree()) / 4, 0, 1_024) : long.MaxValue;

    /// <summary>The system assigns the lowest free number, so the number of a new socket tells how many descriptors are in use.</summary>
    private static long LowestFree()
    {
        try
        {
            using var probe = new Socket(SocketType.Stream, ProtocolType.Tcp);
            return probe.Handle;
        }
        catch (SocketException)
        {
            return long.MaxValue;
        }
    }

    /// <summary>Kestrel's options for a listener's connections, with its memory pool, which has no public setter.</summary>
    [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
    private static extern SocketConnectionFactoryOptions KestrelOptions(SocketTransportOptions options);

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "New connections on {EndPoint} wait: {Reason}. Connected clients are still served. "
            + "If this lasts, raise the limit of open files (LimitNOFILE, or ulimit -n).")]
        public static partial void Pausing(ILogger logger, EndPoint endPoint, string reason);
    }
}
