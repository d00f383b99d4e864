namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The database and the files that SQLite and we keep beside it: whether they are still those that were opened, and their ways out.</summary>
internal sealed class SqliteFiles(string path)
{
    public const string Lock = ".lock";

    private const string Log = "-wal";
    private const string Index = "-shm";

    private static readonly string[] s_ends = ["", Log, Index, Lock];

    private readonly FileIdentity?[] _known = new FileIdentity?[s_ends.Length];

    /// <summary>Held by who compares: the writer, readers and the worker may at once.</summary>
    private readonly Lock _comparing = new();

    private bool _isKnown;

    /// <summary>The files are those of this moment.</summary>
    public void Know()
    {
        lock (_comparing)
        {
            for (var index = 0; index < s_ends.Length; index++)
            {
                _known[index] = FileIdentity.Of(path + s_ends[index]);
            }

            _isKnown = true;
        }
    }

    /// <summary>What happened to one of them; null while they are those that were opened.</summary>
    public string? FindLoss()
    {
        lock (_comparing)
        {
            for (var index = 0; _isKnown && index < s_ends.Length; index++)
            {
                var now = FileIdentity.Of(path + s_ends[index]);
                // SQLite makes its own when they are needed.
                _known[index] ??= now;
                if (FileIdentity.HasChanged(_known[index], now))
                {
                    return $"{path}{s_ends[index]} was {(now is null ? "deleted" : "replaced by another file")} while it was open.";
                }
            }

            return null;
        }
    }

    /// <summary>What a database that is no longer under its name left there: SQLite would take it for the log of the next one.</summary>
    public void RemoveRest()
    {
        lock (_comparing)
        {
            if (!_isKnown || !FileIdentity.HasChanged(_known[0], FileIdentity.Of(path)))
            {
                return;
            }

            for (var index = 1; s_ends[index] != Lock; index++)
            {
                var rest = path + s_ends[index];
                try
                {
                    if (_known[index] is { } known && FileIdentity.Of(rest) == known)
                    {
                        File.Delete(rest);
                    }
                }
                // In a read-only folder, no new database can be opened either.
                catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
                {
                }
            }
        }
    }

    /// <summary>Takes the files from others that were there before.</summary>
    public void Tighten()
    {
        PrivateFiles.Tighten(path);
        PrivateFiles.Tighten(path + Log);
        PrivateFiles.Tighten(path + Index);
    }

    /// <summary>Whether it begins as a SQLite database does.</summary>
    public bool IsDatabase()
    {
        ReadOnlySpan<byte> magic = "SQLite format 3\0"u8;
        Span<byte> beginning = stackalloc byte[magic.Length];
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        return RandomAccess.Read(file, beginning, 0) == magic.Length && beginning.SequenceEqual(magic);
    }

    /// <summary>Gives the damaged database and its log another name, under which SQLite's own tools find both.</summary>
    public SetAside MoveAside(string reason)
    {
        var aside = StoreLock.NameAside(path);
        File.Move(path, aside);
        foreach (var end in (string[])[Log, Index])
        {
            if (File.Exists(path + end))
            {
                File.Move(path + end, aside + end);
            }
        }

        return new SetAside(path, aside, reason);
    }
}
