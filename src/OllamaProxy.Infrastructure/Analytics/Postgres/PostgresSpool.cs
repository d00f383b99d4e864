using System.Buffers;
using System.Globalization;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics.Jsonl;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// Records on disk that wait for the server: a file for each batch, of JSON lines, with the batch's identity in its name. The next start
/// finds files that were written just before a kill.
/// </summary>
internal sealed partial class PostgresSpool : IRecordSpool
{
    /// <summary>The folder of the files, in <c>ANALYTICS_DIR</c>.</summary>
    public const string FolderName = "spool";

    private const string Suffix = ".jsonl";

    /// <summary>Follows the name of a file that is being written.</summary>
    private const string Unfinished = ".new";

    private readonly string _folder;
    private readonly long _capacity;
    private readonly ILogger<PostgresSpool>? _logger;
    private readonly Lock _changing = new();

    /// <summary>The files with their lengths, oldest first.</summary>
    private readonly SortedDictionary<string, long> _files = new(StringComparer.Ordinal);

    /// <summary>Records of a doubtful batch that is on disk, while the caller still has them because the spool had no room for the others.</summary>
    private readonly HashSet<RequestRecord> _spooled = new(ReferenceEqualityComparer.Instance);

    /// <summary>The last file whose damaged lines were logged: a batch is read again until the server takes it.</summary>
    private string? _damaged;

    private long _last;
    private long _bytes;
    private bool _isFull;

    public PostgresSpool(AnalyticsOptions options, ILogger<PostgresSpool>? logger = null)
    {
        (_folder, _capacity, _logger) = (Path.Combine(Path.GetFullPath(options.Directory), FolderName), options.SpoolMegabytes * 1_000_000L, logger);
        if (!Directory.Exists(_folder))
        {
            return;
        }

        // A program that was killed while writing leaves one.
        foreach (var unfinished in Directory.GetFiles(_folder, $"*{Suffix}{Unfinished}"))
        {
            File.Delete(unfinished);
        }

        foreach (var file in new DirectoryInfo(_folder).EnumerateFiles($"*{Suffix}").Where(file => TryParse(file.Name, out _, out _, out _)))
        {
            _files.Add(file.Name, file.Length);
            _bytes += file.Length;
            _ = TryParse(file.Name, out var place, out _, out _);
            _last = Math.Max(_last, place);
        }
    }

    /// <summary>A batch whose commit was not confirmed. It keeps its identity in the spool.</summary>
    public PostgresBatch? Doubtful { get; set; }

    public bool IsEmpty
    {
        get
        {
            lock (_changing)
            {
                return _files.Count == 0;
            }
        }
    }

    public bool TryAdd(IReadOnlyList<RequestRecord> records)
    {
        if (records.Count == 0)
        {
            return true;
        }

        if (Doubtful is { } doubtful)
        {
            if (!TryAdd(doubtful))
            {
                return false;
            }

            // The writer notices this and continues under another identity, because a later batch must not hide that this one was not written.
            Doubtful = null;
            _spooled.UnionWith(doubtful.Records);
        }

        records = ExceptSpooled(records);
        if (records.Count > 0 && !TryAdd(new PostgresBatch(Guid.CreateVersion7(), 1, records)))
        {
            return false;
        }

        _spooled.Clear();
        return true;
    }

    /// <summary>Leaves out records that are on disk although the caller still has them.</summary>
    public IReadOnlyList<RequestRecord> ExceptSpooled(IReadOnlyList<RequestRecord> records) =>
        _spooled.Count == 0 ? records : [.. records.Where(record => !_spooled.Contains(record))];

    /// <summary>Called when the caller no longer has any of the records.</summary>
    public void ForgetSpooled() => _spooled.Clear();

    /// <summary>The oldest batch; null for none.</summary>
    public (string File, PostgresBatch Batch)? First()
    {
        string? file;
        lock (_changing)
        {
            file = _files.Keys.FirstOrDefault();
        }

        if (file is null || !TryParse(file, out _, out var instance, out var number))
        {
            return null;
        }

        var path = Path.Combine(_folder, file);
        if (!File.Exists(path))
        {
            // Another process with this folder has written it to the database.
            Remove(file);
            return First();
        }

        var bytes = File.ReadAllBytes(path);
        var line = new JsonlLine();
        List<RequestRecord> records = [];
        var damaged = 0;
        for (var start = 0; start < bytes.Length;)
        {
            var length = bytes.AsSpan(start).IndexOf((byte)'\n') is >= 0 and var end ? end : bytes.Length - start;
            if (line.Read(bytes, start, length))
            {
                records.Add(line.ToRecord());
            }
            else
            {
                damaged++;
            }

            start += length + 1;
        }

        if (damaged > 0 && file != _damaged && _logger is not null)
        {
            _damaged = file;
            Log.Damaged(_logger, path, damaged);
        }

        return (file, new PostgresBatch(instance, number, records));
    }

    /// <summary>Removes the file of a written batch. The file of a refused batch is renamed and stays.</summary>
    public void Remove(string file, bool isRefused = false)
    {
        var path = Path.Combine(_folder, file);
        if (isRefused)
        {
            File.Move(path, path + ".refused", overwrite: true);
        }
        else
        {
            File.Delete(path);
        }

        lock (_changing)
        {
            _files.Remove(file, out var length);
            _bytes -= length;
            _isFull = false;
        }
    }

    private bool TryAdd(PostgresBatch batch)
    {
        var lines = new ArrayBufferWriter<byte>();
        using (var json = new JsonlWriter(lines))
        {
            foreach (var record in batch.Records)
            {
                json.Write(record, 0);
            }
        }

        lock (_changing)
        {
            if (_bytes + lines.WrittenCount > _capacity)
            {
                if (!_isFull && _logger is not null)
                {
                    Log.Full(_logger, _folder, _capacity / 1_000_000);
                }

                _isFull = true;
                return false;
            }
        }

        var name = string.Create(CultureInfo.InvariantCulture, $"{++_last:D12}-{batch.Instance:N}-{batch.Number}{Suffix}");
        try
        {
            Write(Path.Combine(_folder, name), lines.WrittenSpan);
        }
        // The disk is full, or the folder may not be written.
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (_logger is not null)
            {
                Log.NotWritten(_logger, exception.Message);
            }

            return false;
        }

        lock (_changing)
        {
            _files.Add(name, lines.WrittenCount);
            _bytes += lines.WrittenCount;
        }

        return true;
    }

    private void Write(string path, ReadOnlySpan<byte> bytes)
    {
        PrivateFiles.CreateFolder(_folder);
        var unfinished = path + Unfinished;
        using (var file = PrivateFiles.Open(unfinished, FileMode.Create, FileShare.None))
        {
            file.Write(bytes);
            file.Flush(flushToDisk: true);
        }

        File.Move(unfinished, path);
    }

    private static bool TryParse(string file, out long place, out Guid instance, out long number)
    {
        (place, instance, number) = (0, default, 0);
        return file[..^Suffix.Length].Split('-') is [var first, var second, var third]
            && long.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out place)
            && Guid.TryParseExact(second, "N", out instance)
            && long.TryParse(third, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    private static partial class Log
    {
        [LoggerMessage(
            1, LogLevel.Error,
            "{Folder} is full: {Megabytes} MB of records wait for the database (ANALYTICS_SPOOL_MB). Further ones wait in memory; then they are dropped.")]
        public static partial void Full(ILogger logger, string folder, long megabytes);

        [LoggerMessage(2, LogLevel.Error, "Records that wait for the database could not be written to disk ({Reason}). They wait in memory, up to a limit.")]
        public static partial void NotWritten(ILogger logger, string reason);

        [LoggerMessage(3, LogLevel.Error, "Records that waited on disk for the database are lost, because their lines in {File} are damaged: {Count}.")]
        public static partial void Damaged(ILogger logger, string file, int count);
    }
}
