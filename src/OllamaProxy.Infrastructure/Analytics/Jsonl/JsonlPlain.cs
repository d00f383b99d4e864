using Microsoft.Win32.SafeHandles;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>Finds the blocks of a file of lines, and repairs its end.</summary>
internal static class JsonlPlain
{
    /// <summary>
    /// The blocks of the whole lines. A last line without its end is completed when it is a whole record and cut off when it is not: a program that was
    /// killed while writing leaves one. Throws <see cref="InvalidDataException"/> when nothing in the file is a record, and leaves it as it is.
    /// </summary>
    public static JsonlBlock[] Mend(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete);
        var (blocks, line) = (new JsonlBlocks(), new JsonlLine());
        var (buffer, filled, offset, length) = (new byte[4 * JsonlBlock.Size], 0, 0L, RandomAccess.GetLength(file));
        while (true)
        {
            var read = RandomAccess.Read(file, buffer.AsSpan(filled), offset + filled);
            filled += read;
            var start = 0;
            while (buffer.AsSpan(start, filled - start).IndexOf((byte)'\n') is >= 0 and var end)
            {
                blocks.Add(line, buffer, start, end);
                start += end + 1;
            }

            offset += start;
            buffer.AsSpan(start, filled - start).CopyTo(buffer);
            filled -= start;
            if (read == 0)
            {
                break;
            }

            if (filled == buffer.Length)
            {
                Array.Resize(ref buffer, buffer.Length * 2);
            }
        }

        var isLast = filled > 0 && line.Read(buffer, 0, filled);
        if (length > 0 && !isLast && !blocks.HasRecord && (offset > 0 || !IsTornLine(buffer.AsSpan(0, filled))))
        {
            throw new InvalidDataException("It holds no record.");
        }

        if (isLast)
        {
            RandomAccess.Write(file, "\n"u8, length);
            blocks.Add(line, buffer, 0, filled);
        }
        else if (filled > 0)
        {
            RandomAccess.SetLength(file, offset);
        }

        return blocks.ToArray();
    }

    private static bool IsTornLine(ReadOnlySpan<byte> bytes) => JsonlWriter.Beginning.StartsWith(bytes) || bytes.StartsWith(JsonlWriter.Beginning);

    /// <summary>Appends behind the committed lines, overwrites any bytes behind them, and flushes to disk.</summary>
    public static void Append(SafeFileHandle file, ReadOnlySpan<byte> lines, long offset)
    {
        if (RandomAccess.GetLength(file) > offset)
        {
            RandomAccess.SetLength(file, offset);
        }

        RandomAccess.Write(file, lines, offset);
        RandomAccess.FlushToDisk(file);
    }
}

/// <summary>Collects lines into blocks.</summary>
internal sealed class JsonlBlocks
{
    private readonly List<JsonlBlock> _blocks = [];

    public JsonlBlocks(JsonlBlock[]? before = null) => _blocks.AddRange(before ?? []);

    /// <summary>The next line; its length is without its end.</summary>
    public void Add(JsonlLine line, byte[] buffer, int start, int length)
    {
        var block = Current();
        _blocks[^1] = line.Read(buffer, start, length)
            ? block.With(length + 1, line.Id, line.Time, line.HasText, line.Text(RecordFields.Model))
            : block.WithDamaged(length + 1);
    }

    /// <summary>The next line, of which everything is known; its length is with its end.</summary>
    public void Add(int length, long id, Domain.RequestRecord record)
    {
        var block = Current();
        _blocks[^1] = block.With(length, id, Micros.Of(record.Timestamp), record.HasText, record.Model);
    }

    public bool HasRecord => _blocks.Exists(block => block.Count > 0);

    public JsonlBlock[] ToArray() => [.. _blocks];

    private JsonlBlock Current()
    {
        if (_blocks is not [.., { Length: < JsonlBlock.Size }])
        {
            _blocks.Add(JsonlBlock.Empty with { Offset = _blocks is [.., var last] ? last.Offset + last.Length : 0 });
        }

        return _blocks[^1];
    }
}
