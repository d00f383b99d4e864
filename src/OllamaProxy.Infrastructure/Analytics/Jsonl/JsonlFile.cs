using Microsoft.Win32.SafeHandles;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// One file on disk. Readers hold it while they need it; a file that is replaced or deleted meanwhile is opened for them before, so that they read on in
/// what it was. Without readers no handle is open.
/// </summary>
internal sealed class JsonlFile(string path, bool isCompressed)
{
    private readonly Lock _lock = new();
    private SafeFileHandle? _handle;
    private int _readers;

    public string Path { get; } = path;

    public bool IsCompressed { get; } = isCompressed;

    /// <summary>Replaced as a whole, never changed: what a reader took stays what it was.</summary>
    public JsonlBlock[] Blocks { get; set; } = [];

    private FileIdentity? _identity;

    /// <summary>What happened to the file behind our back; null while it is the one we know.</summary>
    public string? FindLoss()
    {
        var now = FileIdentity.Of(Path);
        _identity ??= now;
        return now is null ? $"{Path} was deleted while it was in use."
            : FileIdentity.HasChanged(_identity, now) ? $"{Path} was replaced by another file while it was in use."
            : new FileInfo(Path) is { Exists: true, Length: var length } && length < Length ? $"{Path} was truncated by another program while it was in use."
            : null;
    }

    /// <summary>Bytes that belong to whole batches; what stands behind them does not count and is cut off by the next write.</summary>
    public long Length => Blocks is [.., var last] ? last.Offset + last.Length : 0;

    public void Acquire()
    {
        lock (_lock)
        {
            _readers++;
        }
    }

    public void Release()
    {
        lock (_lock)
        {
            if (--_readers == 0)
            {
                _handle?.Dispose();
                _handle = null;
            }
        }
    }

    /// <summary>Called before another file takes this one's name, or none does.</summary>
    public void Retire()
    {
        if (_readers > 0 && File.Exists(Path))
        {
            Handle();
        }
    }

    /// <summary>Reads the bytes of a block as they are in the file. Call only between <see cref="Acquire"/> and <see cref="Release"/>.</summary>
    public void ReadRaw(JsonlBlock block, Span<byte> bytes)
    {
        var handle = Handle();
        for (var read = 0; read < bytes.Length;)
        {
            var got = RandomAccess.Read(handle, bytes[read..], block.Offset + read);
            read += got > 0 ? got : throw new InvalidDataException($"{Path} is shorter than it was: another program changed it.");
        }
    }

    private SafeFileHandle Handle()
    {
        lock (_lock)
        {
            return _handle ??= File.OpenHandle(Path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
    }
}

/// <summary>A file and the blocks it had when a reader began.</summary>
internal sealed record JsonlExtent(JsonlFile File, JsonlBlock[] Blocks);

/// <summary>The lines of one block after the other, in buffers that are used again.</summary>
internal sealed class JsonlBlockReader
{
    private byte[] _raw = [];

    /// <summary>The last block's lines, valid up to <see cref="Length"/>, until the next call.</summary>
    public byte[] Buffer { get; private set; } = [];

    public int Length { get; private set; }

    public JsonlLine Line { get; } = new();

    public void Load(JsonlFile file, JsonlBlock block)
    {
        Length = block.RawLength;
        Buffer = Grow(Buffer, Length);
        if (file.IsCompressed)
        {
            _raw = Grow(_raw, block.Length);
            file.ReadRaw(block, _raw.AsSpan(0, block.Length));
            try
            {
                JsonlGzip.Expand(_raw, block.Length, Buffer.AsSpan(0, Length));
            }
            // Numbers without its records would be wrong.
            catch (InvalidDataException exception)
            {
                throw new AnalyticsStoreException($"{file.Path} is damaged ({exception.Message}).", exception);
            }
        }
        else
        {
            file.ReadRaw(block, Buffer.AsSpan(0, Length));
        }
    }

    /// <summary>The records of a block, each as <see cref="Line"/>; damaged lines are passed over.</summary>
    public IEnumerable<JsonlLine> Records(JsonlFile file, JsonlBlock block)
    {
        Load(file, block);
        foreach (var (start, length) in Lines())
        {
            if (Line.Read(Buffer, start, length))
            {
                yield return Line;
            }
        }
    }

    /// <summary>Where the lines of the last block are, without their ends.</summary>
    public IEnumerable<(int Start, int Length)> Lines()
    {
        for (var start = 0; start < Length;)
        {
            var end = Buffer.AsSpan(start, Length - start).IndexOf((byte)'\n');
            var length = end < 0 ? Length - start : end;
            yield return (start, length);
            start += length + 1;
        }
    }

    /// <summary>Buffers for what is usual stay; one for a text of megabytes goes with the next block.</summary>
    private static byte[] Grow(byte[] buffer, int length) =>
        buffer.Length >= length && (buffer.Length <= 4 * JsonlBlock.Size || length > buffer.Length / 4)
            ? buffer
            : new byte[Math.Max(length, JsonlBlock.Size * 5 / 4)];
}
