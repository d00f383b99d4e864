using System.Net.Sockets;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

/// <summary>Stands before the server, and can break every connection at the moment a transaction is being committed.</summary>
internal sealed class PostgresRelay : IDisposable
{
    /// <summary>With the end of the text, because each transaction begins with READ COMMITTED.</summary>
    private static readonly byte[] s_commit = "COMMIT\0"u8.ToArray();

    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly string _server;
    private readonly List<Socket> _sockets = [];

    /// <summary>The server's end of the connection that commits.</summary>
    private Socket? _answering;

    public PostgresRelay(PostgresServer server)
    {
        _server = Path.Combine(server.Folder, ".s.PGSQL.5432");
        Folder = Directory.CreateTempSubdirectory("ollama-proxy-relay-").FullName;
        _listener.Bind(new UnixDomainSocketEndPoint(Path.Combine(Folder, ".s.PGSQL.5432")));
        _listener.Listen();
        _ = AcceptAsync();
    }

    /// <summary>The folder of its socket, to be used as the host.</summary>
    public string Folder { get; }

    /// <summary>What happens to the next commit.</summary>
    public PostgresCut Cut { get; set; }

    public void Dispose()
    {
        _listener.Dispose();
        Break();
        Directory.Delete(Folder, recursive: true);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptAsync();
                var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                try
                {
                    await server.ConnectAsync(new UnixDomainSocketEndPoint(_server));
                }
                // The server is stopped.
                catch (SocketException)
                {
                    client.Close();
                    continue;
                }

                lock (_sockets)
                {
                    _sockets.AddRange([client, server]);
                }

                _ = PassAsync(client, server, isFromClient: true);
                _ = PassAsync(server, client, isFromClient: false);
            }
        }
        // The end.
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }
    }

    private async Task PassAsync(Socket from, Socket to, bool isFromClient)
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var length)
            {
                if (!isFromClient && from == _answering)
                {
                    // The answer to the commit is lost.
                    Break();
                    return;
                }

                var isCommit = isFromClient && Cut != PostgresCut.None && buffer.AsSpan(0, length).IndexOf(s_commit) >= 0;
                if (isCommit && Cut == PostgresCut.BeforeCommit)
                {
                    Cut = PostgresCut.None;
                    Break();
                    return;
                }

                if (isCommit)
                {
                    (Cut, _answering) = (PostgresCut.None, to);
                }

                await to.SendAsync(buffer.AsMemory(0, length));
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
        }

        to.Close();
    }

    private void Break()
    {
        lock (_sockets)
        {
            _sockets.ForEach(socket => socket.Close(0));
            _sockets.Clear();
        }
    }
}
