using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace OllamaProxy.Host.Proxy;

/// <summary>The server's buffers: blocks of 32 KiB in place of 4, an eighth of the reads and writes for an upload. Taken by one thread and given back by another.</summary>
internal sealed class WideBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    private const int BlockSize = 32 * 1024;

    /// <summary>Blocks that are kept, 2 MiB; a stream that waits holds none, so that there are rarely more in use.</summary>
    private const int MostKept = 64;

    private readonly ConcurrentQueue<Block> _kept = new();
    private int _count;

    public override int MaxBufferSize => BlockSize;

    public MemoryPool<byte> Create(MemoryPoolOptions? options = null) => this;

    public override IMemoryOwner<byte> Rent(int minBufferSize = -1)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(minBufferSize, BlockSize);
        if (!_kept.TryDequeue(out var block))
        {
            return new Block(this);
        }

        Interlocked.Decrement(ref _count);
        return block;
    }

    /// <summary>There is one for the whole program, and each of its users disposes it.</summary>
    protected override void Dispose(bool disposing)
    {
    }

    private void Return(Block block)
    {
        if (Interlocked.Increment(ref _count) <= MostKept)
        {
            _kept.Enqueue(block);
        }
        else
        {
            Interlocked.Decrement(ref _count);
        }
    }

    private sealed class Block(WideBlocks pool) : IMemoryOwner<byte>
    {
        public Memory<byte> Memory { get; } = GC.AllocateUninitializedArray<byte>(BlockSize);

        public void Dispose() => pool.Return(this);
    }
}
