using System.Globalization;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Infrastructure.Import;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// The connections to one file: one that writes, for one caller at a time, and one from the pool for every reader, which thanks to the write-ahead log neither
/// waits for the writer nor holds it up.
/// </summary>
internal sealed class SqliteConnections : IDisposable
{
    /// <summary>Bytes the write-ahead log may grow by before it is emptied.</summary>
    private const long LongLog = 32 << 20;

    /// <summary>Milliseconds that emptying it waits for readers.</summary>
    private const int Patience = 100;

    private readonly SqliteConnection _writer;
    private readonly string _readers;
    private readonly SemaphoreSlim _writing = new(1, 1);
    private long _logLimit = LongLog;
    private readonly SqliteFiles _files;
    private readonly AnalyticsOptions _options;
    private readonly StoreSuspicion _suspicion;
    private StoreLock? _lock;

    /// <param name="options">The folder, and what may be moved aside in it.</param>
    /// <param name="fileName">The file in it.</param>
    /// <param name="suspicion">What is believed of the file.</param>
    public SqliteConnections(AnalyticsOptions options, string fileName, StoreSuspicion suspicion)
    {
        (_options, _suspicion) = (options, suspicion);
        Directory = System.IO.Path.GetFullPath(options.Directory);
        Path = System.IO.Path.Combine(Directory, fileName);
        _files = new SqliteFiles(Path);
        // Seconds a command waits for a lock; what fails then is tried again by the recording worker.
        var builder = new SqliteConnectionStringBuilder { DataSource = Path, Mode = SqliteOpenMode.ReadWrite, DefaultTimeout = 2, Pooling = false };
        _writer = new SqliteConnection(builder.ToString());
        builder.Pooling = true;
        builder.DefaultTimeout = 10;
        _readers = builder.ToString();
    }

    public string Directory { get; }

    public string Path { get; }

    /// <summary>Bytes on disk, write-ahead log included.</summary>
    public long Size => SizeOf(Path) + SizeOf(Path + "-wal") + (_lock?.Size ?? 0);

    /// <summary>Where the original program's database went that had this one's name; null when there was none.</summary>
    public string? MovedAside { get; private set; }

    /// <summary>The file that was damaged when it was opened; null when it was not.</summary>
    public SetAside? Damaged { get; private set; }

    /// <summary>What happened to the files behind our back; null while they are those that were opened.</summary>
    public string? FindLoss() => _files.FindLoss();

    /// <summary>Creates or upgrades the file, and asks something of it that only a sound one can answer.</summary>
    public T Open<T>(Func<SqliteConnection, T> ask)
    {
        try
        {
            PrivateFiles.CreateFolder(Directory);
            TakeLock();
            T answer;
            try
            {
                answer = OpenFile(ask, _suspicion);
            }
            catch (SqliteException exception) when (IsDamage(exception) && _options.MovesDamagedAside && (_lock!.WasUsed || _files.IsDatabase()))
            {
                _writer.Close();
                Damaged = _files.MoveAside(exception.Message);
                answer = OpenFile(ask, StoreSuspicion.None);
            }

            _lock!.Mark();
            _files.Know();
            return answer;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SqliteException)
        {
            Close();
            throw new AnalyticsStoreException(Explain(exception), exception);
        }
        catch (AnalyticsStoreException)
        {
            Close();
            throw;
        }
    }

    /// <summary>SQLite blocks its thread, while it waits for a lock too: not the caller's.</summary>
    public async Task<T> WritingAsync<T>(Func<SqliteConnection, T> write, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(
                () =>
                {
                    var result = write(_writer);
                    KeepLogShort();
                    return result;
                },
                cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    /// <summary>Reads on a connection of its own, and not on the caller's thread; ends soon when the caller does not want to know any more.</summary>
    public Task<T> ReadingAsync<T>(Func<SqliteConnection, T> read, CancellationToken cancellationToken) =>
        Task.Run(
            () =>
            {
                using var reader = OpenReader();
                using var interrupt = cancellationToken.Register(static handle => raw.sqlite3_interrupt((sqlite3)handle!), reader.Handle);
                try
                {
                    return read(reader);
                }
                catch (SqliteException exception) when (exception.SqliteErrorCode == raw.SQLITE_INTERRUPT)
                {
                    throw new OperationCanceledException(exception.Message, exception, cancellationToken);
                }
            },
            cancellationToken);

    /// <summary>A connection that can only read.</summary>
    public SqliteConnection OpenReader()
    {
        var connection = new SqliteConnection(_readers);
        try
        {
            connection.Open();
            SqliteSchema.Execute(connection, "PRAGMA query_only = ON");
            SqliteFunctions.AddTo(connection);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public static bool IsDamage(Exception exception) => exception is SqliteException { SqliteErrorCode: raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB };

    public void Dispose()
    {
        _writing.Wait();
        if (_files.FindLoss() is not null)
        {
            EndLost();
        }

        _writer.Dispose();
        using var pooled = new SqliteConnection(_readers);
        SqliteConnection.ClearPool(pooled);
        _files.RemoveRest();
        _lock?.Dispose();
        // Who still waits must not wait for ever.
        _writing.Release();
    }

    private T OpenFile<T>(Func<SqliteConnection, T> ask, StoreSuspicion suspicion)
    {
        if (suspicion == StoreSuspicion.Condemned)
        {
            throw new SqliteException("it cannot be written, although its structure is intact", raw.SQLITE_CORRUPT);
        }

        MoveOriginalAside();
        if (!File.Exists(Path))
        {
            // Before SQLite does, because it would let the group and the world read what people asked; its other files take the mode of this one.
            PrivateFiles.Open(Path, FileMode.OpenOrCreate, FileShare.ReadWrite | FileShare.Delete).Dispose();
        }

        _writer.Open();
        SqliteSchema.RefuseForeign(_writer, Path);
        _files.Tighten();
        if (suspicion == StoreSuspicion.Check)
        {
            SqliteSchema.Check(_writer);
        }

        SqliteSchema.Prepare(_writer);
        SqliteSchema.Create(_writer, Path);
        return ask(_writer);
    }

    /// <summary>A file that was moved away gets the write-ahead log, which did not move with it. One that was deleted is gone either way.</summary>
    private void EndLost()
    {
        try
        {
            SqliteSchema.Checkpoint(_writer, Patience);
        }
        // Nothing but this connection leads to the file any more.
        catch (Exception exception) when (exception is SqliteException or InvalidOperationException)
        {
        }
    }

    private void Close()
    {
        _writer.Close();
        _lock?.Dispose();
    }

    /// <summary>SQLite lets two programs write in turns, but each would make wrong what the other knows: the last position, what is stale.</summary>
    private void TakeLock()
    {
        _lock = StoreLock.Take(Path + SqliteFiles.Lock)
            ?? throw new AnalyticsStoreException(
                $"the analytics database {Path} is in use by another ollama-proxy. Stop it, or set ANALYTICS_DIR to another folder.");
    }

    /// <summary>The original program's file has the same name and, by default, the same folder. It is kept, under another name.</summary>
    private void MoveOriginalAside()
    {
        if (!File.Exists(Path) || !OriginalDatabase.Is(Path))
        {
            return;
        }

        if (!_options.MovesOriginalAside)
        {
            throw new AnalyticsStoreException(
                $"{Path} is the database of the original Ollama Metrics Proxy. 'ollama-proxy import {Path}' imports its records.");
        }

        OriginalDatabase.Settle(Path);
        var name = System.IO.Path.GetFileNameWithoutExtension(Path);
        var aside = Enumerable.Range(1, int.MaxValue)
            .Select(number => System.IO.Path.Combine(Directory,
                number == 1 ? $"{name}.original.db" : string.Create(CultureInfo.InvariantCulture, $"{name}.original-{number}.db")))
            .First(path => !File.Exists(path));
        File.Move(Path, aside);
        PrivateFiles.Tighten(aside);
        MovedAside = aside;
    }

    /// <summary>
    /// SQLite itself starts the log over only if no reader is there at that moment, which with readers one after the other may never be: then it grows, and
    /// slows all of them. Readers are waited for briefly; if that is not enough, it is tried again when the log has grown as much again.
    /// </summary>
    private void KeepLogShort()
    {
        if (SizeOf(Path + "-wal") is var size && size > _logLimit)
        {
            try
            {
                _logLimit = SqliteSchema.Checkpoint(_writer, Patience) ? LongLog : size + LongLog;
            }
            // What was written is written; a full disk shows at the next write.
            catch (SqliteException)
            {
            }
        }
    }

    private static long SizeOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private string Explain(Exception exception) => exception switch
    {
        SqliteException when IsDamage(exception) && !_files.IsDatabase() && _lock?.WasUsed != true =>
            $"{Path} is not a SQLite database, or it is damaged ({exception.Message}). " +
            "Move it away (the proxy then creates a new one), or set ANALYTICS_DIR to another folder.",
        SqliteException when IsDamage(exception) =>
            $"the analytics database {Path} is damaged ({exception.Message}). A proxy renames it at its start. " +
            "Move it away (the proxy then creates a new one), or set ANALYTICS_DIR to another folder.",
        SqliteException { SqliteErrorCode: 5 or 6 } =>
            $"the analytics database {Path} is locked by another program. Is another ollama-proxy running? Stop it, or set ANALYTICS_DIR to another folder.",
        _ => $"the analytics database {Path} cannot be opened or written ({exception.Message}). Set ANALYTICS_DIR to a folder this user may write to, or "
            + "ANALYTICS_BACKEND=none.",
    };
}
