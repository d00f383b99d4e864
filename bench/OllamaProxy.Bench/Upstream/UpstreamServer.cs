using System.Globalization;
using OllamaProxy.Bench.Sockets;

namespace OllamaProxy.Bench.Upstream;

/// <summary>The state of a stream that the load client has named.</summary>
internal sealed class StreamLog
{
    /// <summary>The bytes that the kernel took.</summary>
    public long BytesSent { get; set; }

    /// <summary>When the upstream saw the disconnect; 0 before that.</summary>
    public long ClosedAt { get; set; }
}

/// <summary>
/// A minimal upstream that puts the time of sending into each token. It does not simulate Ollama's behavior (the tests have a simulator); it is the
/// other end of the measurement. It exits when its standard input closes, so that it never outlives the run.
/// </summary>
internal sealed class UpstreamServer : IReady
{
    private readonly int _listener;
    private readonly Dictionary<int, StreamLog> _streams = [];

    private UpstreamServer(EventLoop loop, int port)
    {
        Loop = loop;
        (_listener, Port) = Tcp.Listen(port);
        loop.Add(_listener, this);
    }

    public EventLoop Loop { get; }

    public int Port { get; }

    /// <summary>The speed measured for a real Ollama with a tiny model on two CPUs.</summary>
    public Engine Engine => field ??= new Engine(rate: 1_700);

    /// <summary>One buffer for all connections, because there is one thread.</summary>
    public byte[] Buffer { get; } = new byte[256 * 1024];

    /// <summary>Prints the port, then serves until standard input ends.</summary>
    public static int Run()
    {
        using var loop = new EventLoop();
        var server = new UpstreamServer(loop, 0);
        Console.Out.WriteLine(server.Port.ToString(CultureInfo.InvariantCulture));
        var parent = new Thread(static () =>
        {
            while (Console.In.Read() >= 0)
            {
            }

            Environment.Exit(0);
        })
        { IsBackground = true };
        parent.Start();
        loop.Run(static () => true);
        return 0;
    }

    public void Ready(bool readable, bool writable)
    {
        while (Tcp.Accept(_listener) is var fd and >= 0)
        {
            Loop.Add(fd, new UpstreamConnection(this, fd));
        }
    }

    public StreamLog LogOf(int id)
    {
        if (!_streams.TryGetValue(id, out var log))
        {
            _streams.Add(id, log = new StreamLog());
        }

        return log;
    }
}
