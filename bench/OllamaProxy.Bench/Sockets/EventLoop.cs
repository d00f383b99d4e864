using System.Diagnostics;
using System.Runtime.InteropServices;

namespace OllamaProxy.Bench.Sockets;

/// <summary>Called when its descriptor is readable or writable.</summary>
internal interface IReady
{
    void Ready(bool readable, bool writable);
}

/// <summary>
/// One thread, one epoll, one timer: without hand-overs between threads, only the proxy and the kernel are measured. The timer is a timerfd, as the timeout
/// of epoll_wait has only milliseconds and the kernel's slack. Timestamps are nanoseconds of the monotonic clock, the same in every process.
/// </summary>
internal sealed unsafe class EventLoop : IDisposable
{
    private const uint In = 1, Out = 4, Error = 8, HungUp = 16, PeerHungUp = 0x2000, EdgeTriggered = 1u << 31;
    private const int AddOperation = 1, RemoveOperation = 2, ChangeOperation = 3, BatchSize = 256;

    // struct epoll_event is packed on x64 only.
    private static readonly int s_eventSize = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int s_dataOffset = s_eventSize - 8;

    private readonly int _epoll = Tcp.Check(Libc.EpollCreate(Libc.CloseOnExec));
    private readonly int _timer = Tcp.Check(Libc.TimerCreate(Libc.ClockMonotonic, Libc.CloseOnExec | Libc.NonBlocking));
    private readonly PriorityQueue<Action, long> _timed = new(4096);
    private readonly byte[] _events = new byte[BatchSize * 16];
    private IReady?[] _ready = new IReady?[1024];
    private long _armed = -1;

    public EventLoop() => Control(AddOperation, _timer, In | EdgeTriggered);

    public void Add(int fd, IReady ready)
    {
        if (fd >= _ready.Length)
        {
            Array.Resize(ref _ready, Math.Max(fd + 1, _ready.Length * 2));
        }

        _ready[fd] = ready;
        Control(AddOperation, fd, In | PeerHungUp);
    }

    /// <summary>Sets whether writability and readability are reported.</summary>
    public void Want(int fd, bool write, bool read = true) => Control(ChangeOperation, fd, (write ? Out : 0) | (read ? In | PeerHungUp : 0));

    /// <summary>Removes a descriptor; call it before closing the descriptor.</summary>
    public void Remove(int fd)
    {
        _ready[fd] = null;
        Control(RemoveOperation, fd, 0);
    }

    /// <summary>Calls <paramref name="act"/> at a <see cref="Stopwatch"/> timestamp. Frequent callers should cache the delegate.</summary>
    public void At(long due, Action act) => _timed.Enqueue(act, due);

    public void Run(Func<bool> goOn)
    {
        fixed (byte* events = _events)
        {
            while (goOn())
            {
                while (_timed.TryPeek(out var act, out var due) && due <= Stopwatch.GetTimestamp())
                {
                    _timed.Dequeue();
                    act();
                }

                if (!goOn())
                {
                    return;
                }

                Arm();
                var count = Libc.EpollWait(_epoll, events, BatchSize, -1);
                for (var index = 0; index < count; index++)
                {
                    var flags = *(uint*)(events + index * s_eventSize);
                    var fd = *(int*)(events + index * s_eventSize + s_dataOffset);
                    if (fd != _timer)
                    {
                        _ready[fd]?.Ready((flags & (In | Error | HungUp | PeerHungUp)) != 0, (flags & Out) != 0);
                    }
                }
            }
        }
    }

    public void Dispose()
    {
        Tcp.Close(_timer);
        Tcp.Close(_epoll);
    }

    /// <summary>Sets the timer to the earliest due time, which also discards an expiry that was not read.</summary>
    private void Arm()
    {
        var next = _timed.TryPeek(out _, out var due) ? Math.Max(due, 1) : 0;
        if (next == _armed && next == 0)
        {
            return;
        }

        _armed = next;
        var value = stackalloc long[4];
        value[0] = value[1] = 0;
        value[2] = next / 1_000_000_000;
        value[3] = next % 1_000_000_000;
        Tcp.Check(Libc.TimerSet(_timer, Libc.TimerAbsolute, value, null));
    }

    private void Control(int operation, int fd, uint flags)
    {
        var @event = stackalloc byte[16];
        *(uint*)@event = flags;
        *(long*)(@event + s_dataOffset) = fd;
        Tcp.Check(Libc.EpollControl(_epoll, operation, fd, @event));
    }
}
