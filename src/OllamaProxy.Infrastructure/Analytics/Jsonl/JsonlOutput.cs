using System.Buffers;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>A new file of a day that is being written under its temporary name. It is removed unless <see cref="Finish"/> is called.</summary>
internal sealed class JsonlOutput : IDisposable
{
    private readonly FileStream _file;
    private readonly bool _compress;
    private readonly List<JsonlBlock> _blocks = [];
    private readonly ArrayBufferWriter<byte> _lines = new(JsonlBlock.Size * 5 / 4);
    private readonly JsonlBlockReader _reader = new();
    private JsonlBlock _pending = JsonlBlock.Empty;
    private bool _finished;

    public JsonlOutput(string path, bool compress)
    {
        (Path, _compress) = (path, compress);
        _file = PrivateFiles.Open(path, FileMode.Create, FileShare.Read | FileShare.Delete);
    }

    public string Path { get; }

    /// <summary>Adds all lines of a block. Copies the bytes where both files are of one kind, unless the block is small or unknown.</summary>
    public void Add(JsonlFile source, JsonlBlock block)
    {
        if (source.IsCompressed == _compress && block.Count > 0 && block.RawLength >= JsonlBlock.Size / 2)
        {
            End();
            var raw = ArrayPool<byte>.Shared.Rent(block.Length);
            source.ReadRaw(block, raw.AsSpan(0, block.Length));
            _blocks.Add(block with { Offset = _file.Position });
            _file.Write(raw, 0, block.Length);
            ArrayPool<byte>.Shared.Return(raw);
            return;
        }

        _reader.Load(source, block);
        foreach (var (start, length) in _reader.Lines())
        {
            if (_reader.Line.Read(_reader.Buffer, start, length))
            {
                Add(_reader.Line);
            }
            else
            {
                AddDamaged(_reader.Buffer.AsSpan(start, length));
            }
        }
    }

    public void Add(JsonlLine line) =>
        Add(line.Bytes, block => block.With(line.Bytes.Length + 1, line.Id, line.Time, line.HasText, line.Text(RecordFields.Model)));

    /// <summary>A damaged line may still be of use to a person.</summary>
    public void AddDamaged(ReadOnlySpan<byte> line)
    {
        var length = line.Length + 1;
        Add(line, block => block.WithDamaged(length));
    }

    /// <summary>Flushes everything so far to disk, so that little is left to do at the end.</summary>
    public void Flush()
    {
        End();
        RandomAccess.FlushToDisk(_file.SafeFileHandle);
    }

    /// <summary>Completes the file and flushes it to disk.</summary>
    public JsonlBlock[] Finish()
    {
        Flush();
        _file.Dispose();
        _finished = true;
        return [.. _blocks];
    }

    public void Dispose()
    {
        _file.Dispose();
        if (!_finished)
        {
            File.Delete(Path);
        }
    }

    private void Add(ReadOnlySpan<byte> line, Func<JsonlBlock, JsonlBlock> extend)
    {
        _lines.Write(line);
        _lines.Write("\n"u8);
        _pending = extend(_pending);
        if (_pending.RawLength >= JsonlBlock.Size)
        {
            End();
        }
    }

    private void End()
    {
        if (_pending.RawLength == 0)
        {
            return;
        }

        if (_compress)
        {
            var (member, block) = JsonlGzip.Compress(_lines.WrittenSpan, _pending, _file.Position);
            _file.Write(member);
            _blocks.Add(block);
        }
        else
        {
            _blocks.Add(_pending with { Offset = _file.Position });
            _file.Write(_lines.WrittenSpan);
        }

        _lines.ResetWrittenCount();
        _pending = JsonlBlock.Empty;
    }
}
