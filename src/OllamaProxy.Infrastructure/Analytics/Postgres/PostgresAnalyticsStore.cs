using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Npgsql;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Records of any number of proxies in one PostgreSQL database.</summary>
internal sealed partial class PostgresAnalyticsStore(
    AnalyticsOptions options, TimeProvider time, PostgresSpool? spool = null, ILogger<PostgresAnalyticsStore>? logger = null)
    : IServerStore, IDisposable
{
    /// <summary>The pause before the next attempt to write records that wait on disk.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromSeconds(2);

    private static readonly string s_stats =
        $"""
        SELECT (SELECT records FROM {PostgresSchema.Name}.removals) + (SELECT COALESCE(sum(records), 0)::bigint FROM {PostgresSchema.Name}.writers),
               (SELECT min(time) FROM {PostgresSchema.Name}.requests), (SELECT max(time) FROM {PostgresSchema.Name}.requests), ({Size})
        """;

    private const string Size =
        $"""
        SELECT COALESCE(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class
        WHERE relnamespace = to_regnamespace('{PostgresSchema.Name}') AND relkind = 'r'
        """;

    private readonly PostgresConnections _connections = new(options.Database ?? throw new AnalyticsStoreException("ANALYTICS_DATABASE_URL is not set."));
    private readonly CancellationTokenSource _closing = new();
    private PostgresWriter? _writer;
    private DateTime _maintained;
    private Task _upkeep = Task.CompletedTask;
    private Task _draining = Task.CompletedTask;

    /// <summary>Background work is started by the recording worker and by the store's check.</summary>
    private readonly Lock _starting = new();

    /// <summary>The upkeep that runs in the background, or ran last.</summary>
    internal Task Upkeep => _upkeep;

    public string Backend => "postgres";

    public bool Remembers => true;

    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        await PostgresSchema.EnsureAsync(_connections, cancellationToken);
        _writer = new PostgresWriter(_connections, spool);
        Maintain();
        Drain();
    }

    public async Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken)
    {
        await _writer!.WriteAsync(batch, cancellationToken);
        Drain();
        // A day may be over. The hours of imported records say nothing about that, and an index of a day that is still imported would slow the import down.
        if (ThisHour > _maintained)
        {
            Maintain();
        }
    }

    public async Task CheckAsync(CancellationToken cancellationToken)
    {
        const string Write = $"UPDATE {PostgresSchema.Name}.removals SET count = count";
        // The database may have been created anew.
        await PostgresSchema.EnsureAsync(_connections, cancellationToken);
        await _connections.ChangeAsync(session => session.RunAsync(Write, cancellationToken), cancellationToken);
        // No record may be left in memory whose write would start this.
        Drain();
    }

    public async IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // An export may take as long as its reader takes.
        await using var session = await _connections.ExplainedAsync(_connections.OpenReaderAsync(limit: null, cancellationToken), cancellationToken);
        await using var records = PostgresSearch.ReadAsync(session, filter, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (await _connections.ExplainedAsync(records.MoveNextAsync(), cancellationToken))
        {
            yield return records.Current;
        }
    }

    public Task<IReadOnlySet<string>> RequestIdsAsync(RequestFilter filter, CancellationToken cancellationToken)
    {
        var matching = new PostgresFilter(filter);
        return _connections.ReadAsync<IReadOnlySet<string>>(
            async session => (await session.ListAsync(
                $"SELECT r.request_id FROM {PostgresSchema.Name}.requests r WHERE {matching.Condition}",
                matching.Values,
                row => row.GetString(0),
                cancellationToken)).ToHashSet(StringComparer.Ordinal),
            cancellationToken);
    }

    public Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken) =>
        _connections.ReadAsync(session => PostgresSearch.PageAsync(session, query, cancellationToken), cancellationToken);

    public Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken) =>
        _connections.ReadAsync(session => PostgresSearch.FindAsync(session, id, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken)
    {
        // One look into the index for each model.
        const string Models =
            $"""
            WITH RECURSIVE models (model) AS (
                SELECT min(model) FROM {PostgresSchema.Name}.requests
                UNION ALL
                SELECT (SELECT min(r.model) FROM {PostgresSchema.Name}.requests r WHERE r.model > models.model) FROM models WHERE models.model IS NOT NULL)
            SELECT model FROM models WHERE model IS NOT NULL ORDER BY model COLLATE "C"
            """;
        return _connections.ReadAsync<IReadOnlyList<string>>(
            async session => await session.ListAsync(Models, [], row => row.GetString(0), cancellationToken), cancellationToken);
    }

    public Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken) =>
        _connections.ReadAsync(session => PostgresSummary.OfAsync(session, query, cancellationToken), cancellationToken);

    public Task<StoreInfo> DescribeAsync(CancellationToken cancellationToken) => _connections.ReadAsync(
        async session => (await session.ListAsync(
            s_stats,
            [],
            row => new StoreInfo
            {
                Backend = Backend,
                DataDirectory = _connections.Name,
                TotalRecords = row.GetInt64(0),
                Oldest = row.IsDBNull(1) ? null : PostgresTime.Instant(row.GetDateTime(1)),
                Newest = row.IsDBNull(2) ? null : PostgresTime.Instant(row.GetDateTime(2)),
                SizeBytes = row.GetInt64(3),
            },
            cancellationToken))[0],
        cancellationToken);

    public Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken) =>
        PostgresRemoval.RunAsync(_connections, filter, cancellationToken);

    public Task<bool> DeleteAsync(long id, CancellationToken cancellationToken) =>
        PostgresRemoval.RunAsync(_connections, id, cancellationToken);

    /// <summary>Drops whole UTC days. A day that is only partly older than a rule stays, and so does the newest one.</summary>
    public async Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken)
    {
        var records = await DropAsync("requests", PostgresDays.Tables, IsBefore(rules.RecordsBefore), cancellationToken);
        var texts = await DropAsync("texts", ["texts"], IsBefore(rules.TextBefore), cancellationToken);
        if (rules.MaxBytes is { } most && (await DescribeAsync(cancellationToken)).Newest is { } newest)
        {
            records += await DropAsync(
                "requests",
                PostgresDays.Tables,
                async day => day < PostgresTime.DayOf(newest.UtcDateTime)
                    && await _connections.ReadAsync(async session => (long)(await session.AskAsync(Size, cancellationToken))!, cancellationToken) > most,
                cancellationToken);
        }

        return new RetentionResult(records, texts);

        static Func<DateOnly, Task<bool>> IsBefore(DateTimeOffset? boundary) =>
            day => Task.FromResult(PostgresTime.StartOf(day.AddDays(1)) <= boundary?.UtcDateTime);
    }

    public void Dispose()
    {
        if (!_closing.IsCancellationRequested)
        {
            _closing.Cancel();
            _connections.Dispose();
        }
    }

    /// <summary>Creates partitions and indexes until nothing is left to do.</summary>
    internal async Task MaintainAsync()
    {
        try
        {
            await PostgresUpkeep.RunAsync(_connections, time.GetUtcNow(), _closing.Token);
        }
        // The next hour tries again; partitions that are missing then are created by the write that needs them.
        catch (Exception exception) when (exception is AnalyticsStoreException or NpgsqlException or ObjectDisposedException)
        {
            if (logger is not null && !_closing.IsCancellationRequested)
            {
                Log.UpkeepFailed(logger, exception);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private DateTime ThisHour => PostgresTime.HourOf(time.GetUtcNow().UtcDateTime);

    private void Maintain()
    {
        lock (_starting)
        {
            if (_upkeep.IsCompleted)
            {
                _maintained = ThisHour;
                _upkeep = Task.Run(MaintainAsync);
            }
        }
    }

    private void Drain()
    {
        lock (_starting)
        {
            if (spool is { IsEmpty: false } waiting && _draining.IsCompleted)
            {
                _draining = Task.Run(() => DrainAsync(waiting));
            }
        }
    }

    /// <summary>Writes the batches that wait on disk, oldest first, beside new records.</summary>
    private async Task DrainAsync(PostgresSpool waiting)
    {
        var (writer, records) = (new PostgresWriter(_connections), 0L);
        try
        {
            while (waiting.First() is { } first)
            {
                try
                {
                    await writer.WriteAsync(first.Batch, _closing.Token);
                    waiting.Remove(first.File);
                    records += first.Batch.Records.Count;
                }
                catch (PostgresException exception) when (exception.SqlState[..2] is "22" or "23" && exception.SqlState != PostgresErrorCodes.CheckViolation)
                {
                    // A value that the server will never accept must not block all other batches.
                    waiting.Remove(first.File, isRefused: true);
                    if (logger is not null)
                    {
                        Log.Refused(logger, exception, first.File);
                    }
                }
                catch (Exception exception) when (exception is NpgsqlException or AnalyticsStoreException)
                {
                    await Task.Delay(s_pause, time, _closing.Token);
                }
            }

            if (logger is not null)
            {
                Log.Drained(logger, records);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
        {
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // The next batch starts this again.
            if (logger is not null)
            {
                Log.NotRead(logger, exception);
            }
        }
    }

    /// <summary>
    /// Drops days from the oldest on, as long as a condition is true; returns how many rows they had. Stops at a day that a reader uses: everything else waits
    /// behind each attempt, so the next run tries again.
    /// </summary>
    private async Task<long> DropAsync(string table, IReadOnlyList<string> tables, Func<DateOnly, Task<bool>> isDue, CancellationToken cancellationToken)
    {
        var rows = 0L;
        foreach (var day in await _connections.ReadAsync(session => PostgresDays.ListAsync(session, table, cancellationToken), cancellationToken))
        {
            if (!await isDue(day) || await PostgresDays.DropAsync(_connections, day, tables, cancellationToken) is not { } dropped)
            {
                break;
            }

            rows += dropped;
        }

        return rows;
    }

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning, "The next partitions or the text index could not be created. Answers stay correct. The proxy retries in an hour.")]
        public static partial void UpkeepFailed(ILogger logger, Exception exception);

        [LoggerMessage(2, LogLevel.Information, "Records that waited on disk for the database were stored: {Count}.")]
        public static partial void Drained(ILogger logger, long count);

        [LoggerMessage(3, LogLevel.Error, "The database refuses a batch that waited on disk. Its file {File} was renamed to end in .refused.")]
        public static partial void Refused(ILogger logger, Exception exception, string file);

        [LoggerMessage(4, LogLevel.Error, "Records that wait on disk for the database could not be read.")]
        public static partial void NotRead(ILogger logger, Exception exception);
    }
}
