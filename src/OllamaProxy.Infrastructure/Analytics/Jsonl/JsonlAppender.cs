using System.Buffers;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// Appends batches: one write for each day, flushed to disk before the batch counts as written. Used by one caller at a time. Files are opened for each
/// batch, so that a folder that was full, read-only or missing is used again as soon as possible.
/// </summary>
internal sealed class JsonlAppender(JsonlCatalog catalog, string directory, long lastId)
{
    private readonly ArrayBufferWriter<byte> _lines = new();
    private long _lastId = lastId;

    /// <summary>All of the batch, or, with an exception, none of it.</summary>
    public void Append(IReadOnlyList<RequestRecord> batch)
    {
        List<Part> parts = [];
        try
        {
            var id = _lastId;
            var records = batch.Select(record => (Record: record, Id: ++id)).ToList();
            foreach (var day in records.GroupBy(item => JsonlCatalog.DayOf(Micros.Of(item.Record.Timestamp))))
            {
                var part = Open(day.Key);
                parts.Add(part);
                part.Blocks = Write(part, day);
            }

            catalog.Commit(parts.Select(part => (part.Day, part.File, part.Blocks)));
            _lastId = id;
        }
        catch
        {
            parts.ForEach(Undo);
            throw;
        }
        finally
        {
            parts.ForEach(part => part.Handle.Dispose());
        }
    }

    private JsonlBlock[] Write(Part part, IEnumerable<(RequestRecord Record, long Id)> records)
    {
        _lines.ResetWrittenCount();
        var blocks = new JsonlBlocks(part.File.Blocks);
        using var json = new JsonlWriter(_lines);
        foreach (var (record, id) in records)
        {
            var before = _lines.WrittenCount;
            json.Write(record, id);
            blocks.Add(_lines.WrittenCount - before, id, record);
        }

        JsonlPlain.Append(part.Handle.SafeFileHandle, _lines.WrittenSpan, part.File.Length);
        return blocks.ToArray();
    }

    private Part Open(DateOnly day)
    {
        PrivateFiles.CreateFolder(directory);
        var path = catalog.PathOf(day, compressed: false);
        var file = catalog.PlainOf(day);
        if (file is not null && (!File.Exists(path) || new FileInfo(path).Length < file.Length))
        {
            // Another program moved or cut the file, so its present content counts.
            file.Retire();
            file = new JsonlFile(path, isCompressed: false) { Blocks = File.Exists(path) ? JsonlPlain.Mend(path) : [] };
        }

        return new Part(day, file ?? new JsonlFile(path, isCompressed: false),
            PrivateFiles.Open(path, FileMode.OpenOrCreate, FileShare.ReadWrite | FileShare.Delete));
    }

    /// <summary>Bytes of a failed batch do not count. They are cut off now or by the next write.</summary>
    private static void Undo(Part part)
    {
        try
        {
            RandomAccess.SetLength(part.Handle.SafeFileHandle, part.File.Length);
        }
        catch (IOException)
        {
            // A disk that cannot write may be unable to truncate, too.
        }
    }

    private sealed record Part(DateOnly Day, JsonlFile File, FileStream Handle)
    {
        public JsonlBlock[] Blocks { get; set; } = [];
    }
}
