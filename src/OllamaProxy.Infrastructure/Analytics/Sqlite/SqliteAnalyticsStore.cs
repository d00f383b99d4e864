using System.Runtime.CompilerServices;
using Dapper;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

[module: DapperAot]

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Records in one SQLite file. One connection writes, a batch being one transaction; every reader has a connection of its own from the pool and, thanks to
/// the write-ahead log, neither waits for the writer nor holds it up.
/// </summary>
internal sealed class SqliteAnalyticsStore : ISqliteAnalyticsStore, IDisposable
{
    public const string FileName = "ollama_analytics.db";

    /// <summary>Records removed in one transaction of a purge.</summary>
    private const int PurgeBatch = 1_000;

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string _directory;
    private readonly SqliteConnection _writer;
    private readonly string _readers;
    private readonly SemaphoreSlim _writing = new(1, 1);

    public SqliteAnalyticsStore(AnalyticsOptions options)
    {
        _directory = System.IO.Path.GetFullPath(options.Directory);
        Path = System.IO.Path.Combine(_directory, FileName);
        // Seconds a command waits for a lock; what fails then is tried again by the recording worker.
        var builder = new SqliteConnectionStringBuilder { DataSource = Path, Mode = SqliteOpenMode.ReadWrite, DefaultTimeout = 2, Pooling = false };
        _writer = new SqliteConnection(builder.ToString());
        builder.Pooling = true;
        builder.DefaultTimeout = 10;
        _readers = builder.ToString();
    }

    public string Backend => "sqlite";

    public bool Remembers => true;

    public string Path { get; }

    public Task OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            CreateFile();
            _writer.Open();
            SqliteSchema.Prepare(_writer);
            SqliteSchema.Migrate(_writer, Path);
            return Task.CompletedTask;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SqliteException)
        {
            _writer.Close();
            throw new AnalyticsStoreException(Explain(exception), exception);
        }
        catch (AnalyticsStoreException)
        {
            _writer.Close();
            throw;
        }
    }

    public Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken)
    {
        List<SqliteRow> rows = [.. batch.Select(SqliteRow.From)];
        return ExclusivelyAsync(
            () =>
            {
                using var transaction = _writer.BeginTransaction();
                var written = _writer.Execute(SqliteQueries.Insert, rows, transaction);
                transaction.Commit();
                return written;
            },
            cancellationToken);
    }

    public async IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var reader = OpenReader();
        var rows = reader.QueryUnbufferedAsync<SqliteRow>(SqliteQueries.Select(filter), SqliteFilter.Of(filter));
        await foreach (var row in rows.WithCancellation(cancellationToken))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return row.ToRecord();
        }
    }

    public async Task<AnalyticsStats> GetStatsAsync(CancellationToken cancellationToken)
    {
        await using var reader = OpenReader();
        var stats = await reader.QuerySingleAsync<SqliteStats>(SqliteQueries.Stats);
        return new AnalyticsStats
        {
            Backend = Backend,
            DataDirectory = _directory,
            TotalRecords = stats.Total,
            SizeBytes = SizeOf(Path) + SizeOf(Path + "-wal"),
            Oldest = stats.Oldest is { } oldest ? SqliteRow.Instant(oldest) : null,
            Newest = stats.Newest is { } newest ? SqliteRow.Instant(newest) : null,
        };
    }

    public Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken) => throw new NotImplementedException();

    public Task<bool> DeleteAsync(long id, CancellationToken cancellationToken) => throw new NotImplementedException();

    public async Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken)
    {
        var total = 0L;
        var parameters = new SqlitePurge { Before = SqliteRow.Micros(rules.RecordsBefore ?? DateTimeOffset.MinValue), Count = PurgeBatch };
        int removed;
        do
        {
            removed = await ExclusivelyAsync(() => _writer.Execute(SqliteQueries.Purge, parameters), cancellationToken);
            total += removed;
        }
        while (removed == PurgeBatch);

        if (total > 0)
        {
            await ExclusivelyAsync(() => Run(SqliteQueries.Shrink), cancellationToken);
        }

        return new RetentionResult(total, 0);
    }

    public Task CheckpointAsync(CancellationToken cancellationToken) => ExclusivelyAsync(() => Run(SqliteQueries.Checkpoint), cancellationToken);

    public void Dispose()
    {
        _writer.Dispose();
        using var pooled = new SqliteConnection(_readers);
        SqliteConnection.ClearPool(pooled);
        _writing.Dispose();
    }

    private int Run(string sql)
    {
        SqliteSchema.Execute(_writer, sql);
        return 0;
    }

    /// <summary>SQLite blocks its thread, while it waits for a lock too: not the caller's.</summary>
    private async Task<int> ExclusivelyAsync(Func<int> write, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            return await Task.Run(write, cancellationToken);
        }
        finally
        {
            _writing.Release();
        }
    }

    private SqliteConnection OpenReader()
    {
        var connection = new SqliteConnection(_readers);
        try
        {
            connection.Open();
            SqliteSchema.Execute(connection, "PRAGMA query_only = ON");
            connection.CreateFunction(
                SqliteQueries.ContainsFunction,
                static (string? text, string? search) => text is not null && search is not null && text.Contains(search, StringComparison.OrdinalIgnoreCase),
                isDeterministic: true);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>Before SQLite does, because it would let the group and the world read what people asked; its other files take the mode of this one.</summary>
    private void CreateFile()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(_directory);
            using var file = new FileStream(Path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        }
        else
        {
            Directory.CreateDirectory(_directory, OwnerOnly | UnixFileMode.UserExecute);
            using (new FileStream(Path, new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite, UnixCreateMode = OwnerOnly }))
            {
            }
        }
    }

    private static long SizeOf(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private string Explain(Exception exception) => exception switch
    {
        SqliteException { SqliteErrorCode: 11 or 26 } =>
            $"the analytics database {Path} is damaged or is no SQLite database ({exception.Message}). Move it away (a new one is made then), or set ANALYTICS_DIR to another folder.",
        SqliteException { SqliteErrorCode: 5 or 6 } =>
            $"the analytics database {Path} is locked by another program. Is another ollama-proxy running? End it, or set ANALYTICS_DIR to another folder.",
        _ => $"the analytics database {Path} cannot be opened or written ({exception.Message}). Set ANALYTICS_DIR to a folder this user may write to, or ANALYTICS_BACKEND=none.",
    };
}
