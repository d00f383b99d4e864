using System.Runtime.CompilerServices;
using Dapper;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

[module: DapperAot]

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Records in one SQLite file. One connection writes, a batch being one transaction; every reader has a connection of its own from the pool and, thanks to
/// the write-ahead log, neither waits for the writer nor blocks it.
/// </summary>
internal sealed partial class SqliteAnalyticsStore(
    AnalyticsOptions options, ILogger<SqliteAnalyticsStore>? logger = null, StoreSuspicion suspicion = StoreSuspicion.None)
    : ISqliteAnalyticsStore, IFileStore
{
    public const string FileName = "ollama_analytics.db";

    /// <summary>How often a checkpoint is tried while readers block it.</summary>
    private const int CheckpointTries = 10;

    /// <summary>Milliseconds that a checkpoint waits for readers: the writer waits too.</summary>
    private const int CheckpointPatience = 200;

    private readonly SqliteConnections _file = new(options, FileName, suspicion);

    /// <summary>Held while records are removed or the sums of an hour are computed: one at a time.</summary>
    private readonly SemaphoreSlim _removing = new(1, 1);

    private readonly CancellationTokenSource _closing = new();
    private long _lastId;
    private Task _upkeep = Task.CompletedTask;

    public string Backend => "sqlite";

    public bool Remembers => true;

    public string Path => _file.Path;

    public string? MovedAside => _file.MovedAside;

    public IReadOnlyList<SetAside> DamagedFiles => _file.Damaged is { } damaged ? [damaged] : [];

    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        // An earlier file gets new columns, which takes a while if it is large.
        _lastId = await Task.Run(() => _file.Open(static writer => SqliteSchema.Scalar(writer, SqliteQueries.LastId)), cancellationToken);
        if (_file.MovedAside is { } original && logger is not null)
        {
            Log.MovedAside(logger, _file.Path, original);
        }

        _ = Upkeep();
    }

    public string? FindLoss() => _file.FindLoss();

    public bool IsDamage(Exception exception) => SqliteConnections.IsDamage(exception);

    public Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken) => _file.WritingAsync(
        writer =>
        {
            using var transaction = writer.BeginTransaction();
            using (var insert = new SqliteStatement(writer, SqliteQueries.Insert))
            {
                for (var index = 0; index < batch.Count; index++)
                {
                    insert.Bind(_lastId + 1 + index);
                    RecordFields.Write(batch[index], insert);
                    insert.Run();
                }
            }

            using var count = SqliteSchema.Command(writer, SqliteQueries.Count, ("@Added", batch.Count));
            count.ExecuteNonQuery();
            var hasBegunPart = SqliteTextIndex.Add(writer, batch, _lastId + 1);
            SqliteRollups.Add(writer, batch.Select(StatRow.Of));
            transaction.Commit();
            _lastId += batch.Count;
            if (hasBegunPart)
            {
                SqliteTextIndex.ReleaseMemory(writer);
            }

            return _lastId;
        },
        cancellationToken);

    public async IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var matching = new SqliteFilter(filter);
        await using var connection = _file.OpenReader();
        await using var command = matching.Command(connection, SqliteQueries.Select(matching));
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        for (var row = new SqliteRow(reader.Handle!); await reader.ReadAsync(cancellationToken);)
        {
            yield return row.Read();
        }
    }

    public Task<IReadOnlySet<string>> RequestIdsAsync(RequestFilter filter, CancellationToken cancellationToken) =>
        _file.ReadingAsync<IReadOnlySet<string>>(
            connection =>
            {
                var matching = new SqliteFilter(filter);
                using var command = matching.Command(connection, $"SELECT request_id FROM requests WHERE {matching.Condition}");
                using var reader = command.ExecuteReader();
                HashSet<string> ids = new(StringComparer.Ordinal);
                while (reader.Read())
                {
                    ids.Add(reader.GetString(0));
                }

                return ids;
            },
            cancellationToken);

    public async Task<StoreInfo> DescribeAsync(CancellationToken cancellationToken)
    {
        await using var reader = _file.OpenReader();
        var stats = await reader.QuerySingleAsync<SqliteStats>(SqliteQueries.Stats);
        return new StoreInfo
        {
            Backend = Backend,
            DataDirectory = _file.Directory,
            TotalRecords = stats.Total,
            SizeBytes = _file.Size,
            Oldest = stats.Oldest is { } oldest ? Micros.Instant(oldest) : null,
            Newest = stats.Newest is { } newest ? Micros.Instant(newest) : null,
        };
    }

    public Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken) =>
        _file.ReadingAsync(reader => SqliteSearch.Page(reader, query), cancellationToken);

    public Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken) => _file.ReadingAsync(
        reader =>
        {
            using var command = SqliteSchema.Command(reader, SqliteQueries.Find, ("@Id", id));
            return SqliteRow.ReadAll(command).SingleOrDefault();
        },
        cancellationToken);

    public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken) =>
        _file.ReadingAsync<IReadOnlyList<string>>(reader => [.. reader.Query<string>(SqliteQueries.Models)], cancellationToken);

    public Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken) =>
        _file.ReadingAsync(reader => SqliteSummary.Of(reader, query), cancellationToken);

    public Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken) =>
        RemovingThenUpkeepAsync(
            async () =>
            {
                var removed = 0L;
                var matching = await _file.ReadingAsync(reader => SqliteDeletion.Matching(reader, filter), cancellationToken);
                foreach (var piece in matching.Chunk(SqliteDeletion.Piece))
                {
                    removed += await _file.WritingAsync(writer => SqliteDeletion.Remove(writer, piece, _lastId), cancellationToken);
                }

                await WipeAsync(removed, cancellationToken);
                return removed;
            },
            cancellationToken);

    public Task<bool> DeleteAsync(long id, CancellationToken cancellationToken) =>
        RemovingThenUpkeepAsync(
            async () =>
            {
                var time = await _file.ReadingAsync(
                    reader =>
                    {
                        using var command = SqliteSchema.Command(reader, "SELECT timestamp_us FROM requests WHERE id = @Id", ("@Id", id));
                        return command.ExecuteScalar() as long?;
                    },
                    cancellationToken);
                var removed = time is { } timestampUs
                    ? await _file.WritingAsync(writer => SqliteDeletion.Remove(writer, [(id, timestampUs)], _lastId), cancellationToken)
                    : 0;
                await WipeAsync(removed, cancellationToken);
                return removed > 0;
            },
            cancellationToken);

    public async Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken)
    {
        var total = await RemovingAsync(
            async () =>
            {
                var records = rules.RecordsBefore is { } before
                    ? await RemoveOldAsync(SqliteQueries.Oldest, SqliteDeletion.Remove, Micros.Of(before), cancellationToken)
                    : 0;
                var texts = rules.TextBefore is { } textBefore
                    ? await RemoveOldAsync(SqliteQueries.OldTexts, RemoveTexts, Micros.Of(textBefore), cancellationToken)
                    : 0;
                await WipeAsync(records + texts, cancellationToken);
                return new RetentionResult(records, texts);
            },
            cancellationToken);

        // Rebuilding needs space, so check the size again afterwards.
        await Upkeep();
        while (rules.MaxBytes is { } maxBytes && await _file.WritingAsync(writer => SqliteDeletion.Used(writer), cancellationToken) > maxBytes)
        {
            var removed = await RemovingAsync(() => RemoveUntilAsync(maxBytes, cancellationToken), cancellationToken);
            if (removed == 0)
            {
                break;
            }

            total = total with { Records = total.Records + removed };
            await Upkeep();
        }

        if (rules.MaxBytes is { } limit && _file.Size > limit)
        {
            await RemovingAsync(() => WipeAsync(1, cancellationToken), cancellationToken);
        }

        return total;

        static int RemoveTexts(SqliteConnection writer, IReadOnlyCollection<(long Id, long TimestampUs)> records, long lastId) =>
            SqliteDeletion.RemoveTexts(writer, records);
    }

    public void Dispose()
    {
        if (!_closing.IsCancellationRequested)
        {
            // Running removals and upkeep end after their current piece.
            _closing.Cancel();
            _removing.Wait();
            _file.Dispose();
            _removing.Release();
            _closing.Dispose();
        }
    }

    public Task CheckpointAsync(CancellationToken cancellationToken) =>
        _file.WritingAsync(writer => SqliteSchema.Checkpoint(writer, CheckpointPatience), cancellationToken);

    private async Task<long> RemoveOldAsync(
        string sql, Func<SqliteConnection, IReadOnlyCollection<(long Id, long TimestampUs)>, long, int> remove, long before,
            CancellationToken cancellationToken)
    {
        var total = 0L;
        int removed;
        do
        {
            removed = await _file.WritingAsync(writer => remove(writer, SqliteDeletion.Next(writer, sql, before, SqliteDeletion.Piece), _lastId),
                cancellationToken);
            total += removed;
        }
        while (removed > 0);
        return total;
    }

    private async Task<long> RemoveUntilAsync(long maxBytes, CancellationToken cancellationToken)
    {
        var total = 0L;
        // A little less than allowed, so that not every check removes something.
        while (await _file.WritingAsync(writer => SqliteDeletion.Used(writer), cancellationToken) > maxBytes * 0.95)
        {
            var removed = await _file.WritingAsync(
                writer =>
                    SqliteDeletion.Remove(writer, SqliteDeletion.Next(writer, SqliteQueries.Oldest, long.MaxValue, SqliteDeletion.Piece / 5), _lastId),
                        cancellationToken);
            if (removed == 0)
            {
                break;
            }

            total += removed;
        }

        await WipeAsync(total, cancellationToken);
        return total;
    }

    /// <summary>After a removal: returns the space, and empties the write-ahead log, which still holds the removed data.</summary>
    private async Task<long> WipeAsync(long removed, CancellationToken cancellationToken)
    {
        if (removed == 0)
        {
            return 0;
        }

        while (await _file.WritingAsync(writer => SqliteDeletion.Shrink(writer), cancellationToken))
        {
        }

        // A long reader keeps the log from being emptied. The log is overwritten from its start once that reader ends.
        for (var tries = 0; tries < CheckpointTries
            && !await _file.WritingAsync(writer => SqliteSchema.Checkpoint(writer, CheckpointPatience), cancellationToken); tries++)
        {
        }

        return removed;
    }

    private async Task<T> RemovingThenUpkeepAsync<T>(Func<Task<T>> remove, CancellationToken cancellationToken)
    {
        try
        {
            return await RemovingAsync(remove, cancellationToken);
        }
        finally
        {
            _ = Upkeep();
        }
    }

    private async Task<T> RemovingAsync<T>(Func<Task<T>> remove, CancellationToken cancellationToken)
    {
        await _removing.WaitAsync(cancellationToken);
        try
        {
            return await remove();
        }
        finally
        {
            _removing.Release();
        }
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning,
            "{Path} was the database of the original Ollama Metrics Proxy, so it was renamed to {Original}. 'ollama-proxy import {Original}' imports its "
                + "records.")]
        public static partial void MovedAside(ILogger logger, string path, string original);

        [LoggerMessage(2, LogLevel.Information,
            "The statistics of {Hours} hours are being computed from the records of {Path}. Until then, answers about these hours take longer.")]
        public static partial void Computing(ILogger logger, long hours, string path);

        [LoggerMessage(3, LogLevel.Error, "Sums and text index could not be updated. Answers stay correct but take longer. The proxy retries in an hour.")]
        public static partial void UpkeepFailed(ILogger logger, Exception exception);

        [LoggerMessage(4, LogLevel.Information, "The statistics of {Hours} hours are still to be computed.")]
        public static partial void ComputingStill(ILogger logger, long hours);

        [LoggerMessage(5, LogLevel.Information, "The statistics of all hours are computed.")]
        public static partial void Computed(ILogger logger);
    }
}
