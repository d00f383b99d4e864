namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>What a change does to a record.</summary>
internal enum JsonlFate
{
    Keep,
    Remove,
    RemoveText,
}

/// <summary>A change to stored records.</summary>
/// <param name="MayTouch">False when no record of the block changes.</param>
/// <param name="Decide">Called for each record of the other blocks.</param>
internal sealed record JsonlChange(Func<JsonlBlock, bool> MayTouch, Func<JsonlLine, JsonlFate> Decide)
{
    public static JsonlChange None { get; } = new(_ => false, _ => JsonlFate.Keep);
}

/// <summary>
/// Changes a day by writing a new file beside the old ones, flushing it, and renaming it over them: whenever the program ends,
/// every record is there once. Removed records are in none of the files. The writer waits only while the last records are copied.
/// </summary>
internal sealed class JsonlRewriter(JsonlCatalog catalog, SemaphoreSlim writing)
{
    private readonly JsonlBlockReader _reader = new();
    private readonly System.Buffers.ArrayBufferWriter<byte> _line = new();

    /// <summary>Returns how many records changed. One call at a time.</summary>
    public async Task<long> RewriteAsync(DateOnly day, JsonlChange change, bool compress, CancellationToken cancellationToken)
    {
        using var snapshot = catalog.Take(day);
        var blocks = snapshot.Blocks.ToList();
        var first = blocks.FindIndex(source => Touches(source.File, source.Block, change, cancellationToken));
        if (blocks.Count == 0 || (first < 0 && !compress))
        {
            return 0;
        }

        compress |= blocks.Exists(source => source.File.IsCompressed);
        using var output = new JsonlOutput(catalog.TemporaryPathOf(day, compress), compress);
        var changed = 0L;
        for (var index = 0; index < blocks.Count; index++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var (file, block) = blocks[index];
            if (first >= 0 && index >= first && change.MayTouch(block))
            {
                changed += Apply(file, block, change, output);
            }
            else
            {
                output.Add(file, block);
            }
        }

        output.Flush();
        await writing.WaitAsync(cancellationToken);
        try
        {
            AddNewest(day, snapshot, output);
            var result = output.Finish();
            catalog.Replace(day, Array.Exists(result, block => block.Count > 0) ? result : null, compress);
        }
        finally
        {
            writing.Release();
        }

        return changed;
    }

    /// <summary>Removes a day and returns how many records it had.</summary>
    public async Task<long> RemoveAsync(DateOnly day, CancellationToken cancellationToken)
    {
        await writing.WaitAsync(cancellationToken);
        try
        {
            using var snapshot = catalog.Take(day);
            catalog.Replace(day, null, compressed: false);
            return snapshot.Blocks.Sum(source => (long)source.Block.Count);
        }
        finally
        {
            writing.Release();
        }
    }

    /// <summary>Records that were written since the snapshot.</summary>
    private void AddNewest(DateOnly day, JsonlSnapshot snapshot, JsonlOutput output)
    {
        var before = snapshot.Days.SelectMany(before => before.Extents).FirstOrDefault(extent => !extent.File.IsCompressed);
        var known = before?.Blocks is [.., var last] ? last.Offset + last.Length : 0;
        if (catalog.PlainOf(day) is not { } file || file.Length == known)
        {
            return;
        }

        if (before is not null && before.File != file)
        {
            throw new IOException($"{file.Path} was changed by another program.");
        }

        file.Acquire();
        try
        {
            var length = (int)(file.Length - known);
            output.Add(file, JsonlBlock.Empty with { Offset = known, Length = length, RawLength = length });
        }
        finally
        {
            file.Release();
        }
    }

    private bool Touches(JsonlFile file, JsonlBlock block, JsonlChange change, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return change.MayTouch(block) && _reader.Records(file, block).Any(line => change.Decide(line) != JsonlFate.Keep);
    }

    private long Apply(JsonlFile file, JsonlBlock block, JsonlChange change, JsonlOutput output)
    {
        var changed = 0L;
        _reader.Load(file, block);
        foreach (var (start, length) in _reader.Lines())
        {
            // A damaged line may be part of a record that must be removed, so it is removed.
            if (!_reader.Line.Read(_reader.Buffer, start, length))
            {
                continue;
            }

            var fate = change.Decide(_reader.Line);
            changed += fate == JsonlFate.Keep ? 0 : 1;
            if (fate == JsonlFate.Keep)
            {
                output.Add(_reader.Line);
            }
            else if (fate == JsonlFate.RemoveText)
            {
                output.Add(WithoutText(_reader.Line));
            }
        }

        return changed;
    }

    private JsonlLine WithoutText(JsonlLine line)
    {
        _line.ResetWrittenCount();
        using var json = new JsonlWriter(_line);
        json.Write(line.ToRecord().WithoutText(), line.Id);
        var result = new JsonlLine();
        result.Read(_line.WrittenSpan.ToArray(), 0, _line.WrittenCount - 1);
        return result;
    }
}
