using System.Globalization;
using System.IO.Compression;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>The files of the folder: for each UTC day a compressed one, one of lines, or both, when records came after the day was compressed.</summary>
internal sealed class JsonlCatalog(string directory)
{
    private const string Prefix = "requests-";
    private const string Plain = ".jsonl";
    private const string Packed = ".jsonl.gz";
    private const string Temporary = ".tmp";
    private const string DayFormat = "yyyy-MM-dd";

    private readonly Lock _lock = new();
    private readonly SortedDictionary<DateOnly, (JsonlFile? Packed, JsonlFile? Plain)> _days = [];

    /// <summary>Files that were damaged when they were opened.</summary>
    public List<SetAside> DamagedFiles { get; } = [];

    public static DateOnly DayOf(long micros) => DateOnly.FromDateTime(Micros.Instant(micros).UtcDateTime);

    public string PathOf(DateOnly day, bool compressed) =>
        Path.Combine(directory, Prefix + day.ToString(DayFormat, CultureInfo.InvariantCulture) + (compressed ? Packed : Plain));

    /// <summary>Where a file is prepared before it takes its name.</summary>
    public string TemporaryPathOf(DateOnly day, bool compressed) => PathOf(day, compressed) + Temporary;

    /// <summary>Finds the files, mends what a killed program left, and returns the highest position.</summary>
    /// <param name="movesDamaged">Whether a damaged file is moved aside; else it is an <see cref="InvalidDataException"/>.</param>
    /// <param name="isOurs">Whether a store was opened in this folder before, so that whatever has such a name is ours.</param>
    /// <param name="isChecked">Whether all that is compressed is looked at, which takes long.</param>
    public long Open(bool movesDamaged, bool isOurs, bool isChecked)
    {
        foreach (var path in Directory.GetFiles(directory, Prefix + "*" + Temporary))
        {
            File.Delete(path);
        }

        foreach (var path in Directory.GetFiles(directory, Prefix + "*").Order(StringComparer.Ordinal))
        {
            if (Parse(Path.GetFileName(path)) is not var (day, compressed))
            {
                continue;
            }

            JsonlFile file;
            try
            {
                file = new JsonlFile(path, compressed) { Blocks = compressed ? ReadPacked(day, path) : JsonlPlain.Mend(path) };
                if (compressed && isChecked)
                {
                    Check(file);
                }
            }
            catch (InvalidDataException exception)
            {
                if (!movesDamaged || !(isOurs || HasOurBeginning(path, compressed)))
                {
                    throw new InvalidDataException($"{path}: {exception.Message}", exception);
                }

                var aside = StoreLock.NameAside(path);
                File.Move(path, aside);
                DamagedFiles.Add(new SetAside(path, aside, exception.Message));
                continue;
            }

            PrivateFiles.Tighten(path);
            var entry = _days.GetValueOrDefault(day);
            _days[day] = compressed ? (file, entry.Plain) : (entry.Packed, file);
        }

        foreach (var (day, (packed, plain)) in _days.ToArray())
        {
            // Positions only grow: what is not above those of the compressed file is in it already, and a program was killed before it could delete this.
            if (plain is not null && (plain.Length == 0 || (packed is not null && plain.Blocks.Min(block => block.MinId) <= MaxId(packed))))
            {
                File.Delete(plain.Path);
                Set(day, packed, null);
            }
        }

        return _days.Values.SelectMany(Files).Select(MaxId).DefaultIfEmpty(0).Max();
    }

    /// <summary>A snapshot of the files, newest day first. Readers keep it until they dispose of it, whatever happens to the files.</summary>
    public JsonlSnapshot Take(DateOnly? only = null)
    {
        lock (_lock)
        {
            var days = _days.Reverse().Where(day => only is null || day.Key == only);
            return new JsonlSnapshot([.. days.Select(day => new JsonlDay(day.Key, [.. Files(day.Value).Select(file => new JsonlExtent(file, file.Blocks))]))]);
        }
    }

    public JsonlFile? PlainOf(DateOnly day)
    {
        lock (_lock)
        {
            return _days.GetValueOrDefault(day).Plain;
        }
    }

    /// <summary>What happened to one of the files behind our back; null while they are those we know.</summary>
    public string? FindLoss()
    {
        lock (_lock)
        {
            return _days.Values.SelectMany(Files).Select(file => file.FindLoss()).FirstOrDefault(loss => loss is not null);
        }
    }

    public DateOnly? Newest()
    {
        lock (_lock)
        {
            return _days.Count == 0 ? null : _days.Keys.Last();
        }
    }

    /// <summary>Days that get no records any more, except late ones, and are not or not wholly compressed.</summary>
    public IReadOnlyList<DateOnly> ToCompress()
    {
        lock (_lock)
        {
            return [.. _days.SkipLast(1).Where(day => day.Value.Plain is not null).Select(day => day.Key)];
        }
    }

    public long SizeBytes()
    {
        lock (_lock)
        {
            return _days.Values.SelectMany(Files).Sum(file => file.Length);
        }
    }

    /// <summary>Lets readers see a batch, all of it at once.</summary>
    public void Commit(IEnumerable<(DateOnly Day, JsonlFile File, JsonlBlock[] Blocks)> parts)
    {
        lock (_lock)
        {
            foreach (var (day, file, blocks) in parts)
            {
                file.Blocks = blocks;
                Set(day, _days.GetValueOrDefault(day).Packed, file);
            }
        }
    }

    /// <summary>Puts a prepared file in the place of a day's files; null when nothing is left of the day.</summary>
    public void Replace(DateOnly day, JsonlBlock[]? blocks, bool compressed)
    {
        lock (_lock)
        {
            var old = _days.GetValueOrDefault(day);
            foreach (var file in Files(old))
            {
                file.Retire();
            }

            var path = PathOf(day, compressed);
            if (blocks is null)
            {
                File.Delete(TemporaryPathOf(day, compressed));
            }
            else
            {
                File.Move(TemporaryPathOf(day, compressed), path, overwrite: true);
            }

            var now = blocks is null ? null : new JsonlFile(path, compressed) { Blocks = blocks };
            Set(day, compressed ? now : null, compressed ? null : now);
            foreach (var file in Files(old).Where(file => file.Path != now?.Path))
            {
                File.Delete(file.Path);
            }
        }
    }

    private static IEnumerable<JsonlFile> Files((JsonlFile? Packed, JsonlFile? Plain) day) => new[] { day.Packed, day.Plain }.OfType<JsonlFile>();

    private static long MaxId(JsonlFile file) => file.Blocks.Where(block => block.Count > 0).Select(block => block.MaxId).DefaultIfEmpty(0).Max();

    private static bool HasOurBeginning(string path, bool compressed)
    {
        var ours = compressed ? [0x1f, 0x8b] : JsonlWriter.Beginning;
        Span<byte> beginning = stackalloc byte[JsonlWriter.Beginning.Length];
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return beginning[..RandomAccess.Read(file, beginning, 0)].StartsWith(ours);
    }

    /// <summary>Expands every block. Throws <see cref="InvalidDataException"/> at the first that is damaged.</summary>
    private static void Check(JsonlFile file)
    {
        var reader = new JsonlBlockReader();
        file.Acquire();
        try
        {
            Array.ForEach(file.Blocks, block => reader.Load(file, block));
        }
        catch (AnalyticsStoreException exception)
        {
            throw new InvalidDataException(exception.Message, exception);
        }
        finally
        {
            file.Release();
        }
    }

    private static (DateOnly Day, bool Compressed)? Parse(string name)
    {
        var compressed = name.EndsWith(Packed, StringComparison.Ordinal);
        var end = compressed ? Packed : Plain;
        return name.Length == Prefix.Length + DayFormat.Length + end.Length && name.EndsWith(end, StringComparison.Ordinal) &&
            DateOnly.TryParseExact(name.AsSpan(Prefix.Length, DayFormat.Length), DayFormat, CultureInfo.InvariantCulture, DateTimeStyles.None, out var day)
            ? (day, compressed)
            : null;
    }

    private void Set(DateOnly day, JsonlFile? packed, JsonlFile? plain)
    {
        _days[day] = (packed, plain);
        if (packed is null && plain is null)
        {
            _days.Remove(day);
        }
    }

    /// <summary>A file that another program compressed is compressed again, block by block.</summary>
    private JsonlBlock[] ReadPacked(DateOnly day, string path)
    {
        using (var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete))
        {
            if (JsonlGzip.ReadBlocks(handle) is { } blocks)
            {
                return blocks;
            }
        }

        var plain = TemporaryPathOf(day, compressed: false);
        using (var source = new GZipStream(File.OpenRead(path), CompressionMode.Decompress))
        using (var target = PrivateFiles.Open(plain, FileMode.Create, FileShare.None))
        {
            source.CopyTo(target);
        }

        var expanded = new JsonlFile(plain, isCompressed: false) { Blocks = JsonlPlain.Mend(plain) };
        using var output = new JsonlOutput(TemporaryPathOf(day, compressed: true), compress: true);
        expanded.Acquire();
        foreach (var block in expanded.Blocks)
        {
            output.Add(expanded, block);
        }

        expanded.Release();
        var result = output.Finish();
        File.Move(output.Path, path, overwrite: true);
        File.Delete(plain);
        return result;
    }
}

/// <summary>The files of one day as a reader found them.</summary>
internal sealed record JsonlDay(DateOnly Day, JsonlExtent[] Extents)
{
    public IEnumerable<(JsonlFile File, JsonlBlock Block)> Blocks => Extents.SelectMany(extent => extent.Blocks.Select(block => (extent.File, block)));
}

/// <summary>Days, held for a reader.</summary>
internal sealed class JsonlSnapshot : IDisposable
{
    private readonly HashSet<JsonlDay> _held;

    public JsonlSnapshot(IReadOnlyList<JsonlDay> days)
    {
        Days = days;
        _held = [.. days];
        foreach (var extent in days.SelectMany(day => day.Extents))
        {
            extent.File.Acquire();
        }
    }

    /// <summary>Newest first.</summary>
    public IReadOnlyList<JsonlDay> Days { get; }

    public IEnumerable<(JsonlFile File, JsonlBlock Block)> Blocks => Days.SelectMany(day => day.Blocks);

    /// <summary>For one pass over everything, in which files are open no longer than needed.</summary>
    public IEnumerable<(JsonlFile File, JsonlBlock Block)> Pass()
    {
        foreach (var day in Days)
        {
            foreach (var source in day.Blocks)
            {
                yield return source;
            }

            Release(day);
        }
    }

    /// <summary>The reader is through with a day: a long read keeps few files open.</summary>
    public void Release(JsonlDay day)
    {
        if (_held.Remove(day))
        {
            foreach (var extent in day.Extents)
            {
                extent.File.Release();
            }
        }
    }

    public void Dispose()
    {
        foreach (var day in Days)
        {
            Release(day);
        }
    }
}
