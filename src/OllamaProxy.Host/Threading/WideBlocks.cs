using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.AspNetCore.Connections;

namespace OllamaProxy.Host.Threading;

/// <summary>Kestrel's buffers: blocks of 32 KiB instead of 4, so an upload takes an eighth of the reads and writes. Any thread may rent or return.</summary>
internal sealed class WideBlocks : MemoryPool<byte>, IMemoryPoolFactory<byte>
{
    private const int BlockSize = 32 * 1024;

    /// <summary>Blocks that are kept: 2 MiB. A waiting stream holds none, so more are rarely in use.</summary>
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

    /// <summary>Does nothing: the whole program shares one pool, and each of its users disposes it.</summary>
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
