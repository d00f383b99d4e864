using System.Buffers;
using Microsoft.AspNetCore.Connections;

namespace OllamaProxy.Host.Threading;

/// <summary>
/// Kestrel's buffers. They are as small as its own, because a connection with a partial request holds one. While an upload of any client runs they are wide, so
/// it takes an eighth of the reads and writes (docs/decisions/0002-inline-sockets.md).
/// </summary>
internal sealed class WideBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    private const int Narrow = 4 * 1024;
    private const int Wide = 32 * 1024;

    private static int s_uploads;

    public override int MaxBufferSize => Wide;

    public static void BeginUpload() => Interlocked.Increment(ref s_uploads);

    public static void EndUpload() => Interlocked.Decrement(ref s_uploads);

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1) =>
        Shared.Rent(Math.Max(Volatile.Read(ref s_uploads) > 0 ? Wide : Narrow, minBufferSize));

    /// <summary>Does nothing: the whole program shares one pool, and each of its users disposes it.</summary>
    protected override void Dispose(bool disposing)
    {
    }
}
