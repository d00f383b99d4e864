using System.Globalization;
using OllamaProxy.Bench.Sockets;

namespace OllamaProxy.Bench.Upstream;

/// <summary>What became of a stream that the load client has named.</summary>
internal sealed class StreamLog
{
    /// <summary>Bytes the kernel took.</summary>
    public long BytesSent { get; set; }

    /// <summary>When the other side was seen to leave; 0 while it has not.</summary>
    public long ClosedAt { get; set; }
}

/// <summary>
/// An Ollama that costs next to nothing and tells on the wire when it sent what. It is no simulation of Ollama's behaviour (the tests have one); it is the
/// other end of the measurement. Ends when its standard input does, so that it never outlives the run.
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

    /// <summary>As quick as a real Ollama with a tiny model was on two CPUs.</summary>
    public Engine Engine => field ??= new Engine(rate: 1_700);

    /// <summary>One for all connections: there is one thread.</summary>
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
