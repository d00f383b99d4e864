using System.ComponentModel;
using System.Runtime.InteropServices;

namespace OllamaProxy.Bench.Sockets;

/// <summary>Non-blocking TCP on 127.0.0.1, by descriptor.</summary>
internal static unsafe class Tcp
{
    /// <summary>The other side closed the connection in order.</summary>
    public const int Ended = 0;

    /// <summary>No bytes yet; wait for readiness.</summary>
    public const int WouldBlock = -1;

    /// <summary>The connection is broken.</summary>
    public const int Broken = -2;

    private const int Backlog = 4096;

    public static (int Listener, int Port) Listen(int port)
    {
        var fd = Check(Libc.Socket(Libc.AddressFamilyInet, Libc.StreamSocket | Libc.CloseOnExec | Libc.NonBlocking, 0));
        SetOption(fd, Libc.SolSocket, Libc.ReuseAddress);
        var address = stackalloc byte[16];
        Fill(address, port);
        Check(Libc.Bind(fd, address, 16));
        Check(Libc.Listen(fd, Backlog));
        uint length = 16;
        Check(Libc.GetName(fd, address, &length));
        return (fd, (address[2] << 8) | address[3]);
    }

    /// <summary>Finds a free port. If another program takes it first, the contestant fails to start with an error.</summary>
    public static int FreePort()
    {
        var (listener, port) = Listen(0);
        Close(listener);
        return port;
    }

    /// <summary>Connects with a blocking call, which is immediate on the loopback.</summary>
    public static int Connect(int port)
    {
        var fd = Check(Libc.Socket(Libc.AddressFamilyInet, Libc.StreamSocket | Libc.CloseOnExec, 0));
        var address = stackalloc byte[16];
        Fill(address, port);
        Check(Libc.Connect(fd, address, 16));
        Check(Libc.Fcntl(fd, Libc.FcntlSetFlags, Libc.NonBlocking));
        SetOption(fd, Libc.ProtocolTcp, Libc.NoDelay);
        return fd;
    }

    /// <summary>Accepts the next connection, or returns <see cref="WouldBlock"/>.</summary>
    public static int Accept(int listener)
    {
        var fd = Libc.Accept(listener, null, null, Libc.CloseOnExec | Libc.NonBlocking);
        if (fd < 0)
        {
            return WouldBlock;
        }

        SetOption(fd, Libc.ProtocolTcp, Libc.NoDelay);
        return fd;
    }

    /// <summary>The number of bytes read, or <see cref="Ended"/>, <see cref="WouldBlock"/>, <see cref="Broken"/>.</summary>
    public static int Receive(int fd, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            nint read;
            do
            {
                read = Libc.Receive(fd, start, buffer.Length, 0);
            }
            while (read < 0 && Marshal.GetLastPInvokeError() == Libc.ErrorInterrupted);
            return read >= 0 ? (int)read : Marshal.GetLastPInvokeError() == Libc.ErrorAgain ? WouldBlock : Broken;
        }
    }

    /// <summary>The number of bytes written, or <see cref="WouldBlock"/>, <see cref="Broken"/>.</summary>
    public static int Send(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            nint sent;
            do
            {
                sent = Libc.Send(fd, start, bytes.Length, Libc.NoSignal);
            }
            while (sent < 0 && Marshal.GetLastPInvokeError() == Libc.ErrorInterrupted);
            return sent >= 0 ? (int)sent : Marshal.GetLastPInvokeError() == Libc.ErrorAgain ? WouldBlock : Broken;
        }
    }

    public static void Close(int fd) => _ = Libc.Close(fd);

    public static int Check(int result) => result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError());

    private static void SetOption(int fd, int level, int name)
    {
        var on = 1;
        Check(Libc.SetOption(fd, level, name, &on, sizeof(int)));
    }

    /// <summary>A <c>sockaddr_in</c>: family in the machine's byte order, port and address in network byte order.</summary>
    private static void Fill(byte* address, int port)
    {
        new Span<byte>(address, 16).Clear();
        *(ushort*)address = Libc.AddressFamilyInet;
        address[2] = (byte)(port >> 8);
        address[3] = (byte)port;
        address[4] = 127;
        address[7] = 1;
    }
}
