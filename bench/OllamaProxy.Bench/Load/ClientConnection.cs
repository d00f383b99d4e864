using System.Diagnostics;
using OllamaProxy.Bench.Sockets;
using OllamaProxy.Bench.Wire;

namespace OllamaProxy.Bench.Load;

/// <summary>A connection of the load client; derived classes handle the responses.</summary>
internal abstract class ClientConnection : IReady, IMessageSink
{
    private readonly HttpParser _parser;
    private bool _closed;

    protected ClientConnection(Phase phase, int port)
    {
        (Phase, Port) = (phase, port);
        Fd = Tcp.Connect(port);
        _parser = new HttpParser(this, isResponse: true);
        phase.Loop.Add(Fd, this);
    }

    protected int Fd { get; }

    protected Phase Phase { get; }

    protected int Port { get; }

    /// <summary>When the current bytes were read.</summary>
    protected long ReadAt { get; private set; }

    public virtual void Ready(bool readable, bool writable)
    {
        if (!readable || _closed)
        {
            return;
        }

        var read = Tcp.Receive(Fd, Phase.Buffer);
        ReadAt = Stopwatch.GetTimestamp();
        if (read > 0)
        {
            _parser.Feed(Phase.Buffer.AsSpan(0, read));
        }
        else if (read is Tcp.Ended or Tcp.Broken)
        {
            var isWhole = _parser.End();
            Close();
            Lost(isWhole);
        }
    }

    public virtual void Head(ReadOnlySpan<byte> head)
    {
    }

    public virtual void Data(ReadOnlySpan<byte> data)
    {
    }

    public virtual void ChunkEnd()
    {
    }

    public abstract void MessageEnd();

    /// <summary>Called when the other side closed the connection.</summary>
    /// <param name="betweenMessages">False if a response was cut.</param>
    protected abstract void Lost(bool betweenMessages);

    /// <summary>Sends a request so small that the kernel always takes it whole.</summary>
    protected void SendSmall(ReadOnlySpan<byte> request)
    {
        if (Tcp.Send(Fd, request) != request.Length)
        {
            Phase.Errors++;
        }
    }

    public void Close()
    {
        if (!_closed)
        {
            _closed = true;
            Phase.Loop.Remove(Fd);
            Tcp.Close(Fd);
        }
    }

    protected static bool IsSuccess(ReadOnlySpan<byte> head) => head.Length > 9 && head[9] == '2';
}
