using System.Data;
using Npgsql;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// Writes batches, each in one transaction with its sums. Batches are numbered, and the number of the last one is committed with it: a batch whose commit was
/// not confirmed is looked up by its number, not written again. Used by one caller.
/// </summary>
internal sealed class PostgresWriter(PostgresConnections connections, PostgresSpool? spool = null)
{
    /// <summary>Seconds for a statement. Without a limit, a server that vanished would stop recording for ever.</summary>
    private const int Timeout = 120;

    /// <summary>The statement ends without a row when the batch is there already.</summary>
    private const string Begin =
        $"""
        INSERT INTO {PostgresSchema.Name}.writers AS known (instance, last_batch, records, seen) VALUES ($1, $2, $3, now())
        ON CONFLICT (instance) DO UPDATE SET last_batch = EXCLUDED.last_batch, records = known.records + EXCLUDED.records, seen = now()
        WHERE known.last_batch < EXCLUDED.last_batch
        RETURNING id
        """;

    /// <summary>Waits for a transaction of this sender that may still run. Makes its row, so that there is one to wait for.</summary>
    private const string Register =
        $"""
        INSERT INTO {PostgresSchema.Name}.writers AS known (instance, last_batch, records, seen) VALUES ($1, 0, 0, now())
        ON CONFLICT (instance) DO UPDATE SET seen = now() RETURNING
        """;

    private static readonly string s_requestColumns = $"id, {PostgresColumns.Names(PostgresColumns.OfRequests)}";
    private static readonly string s_textColumns = $"id, time, {PostgresColumns.Names(RecordFields.Texts)}, folded";

    private readonly HashSet<DateOnly> _days = [];
    private Guid _instance = Guid.CreateVersion7();
    private PostgresRollups _rollups = new();
    private int _writer;
    private long _number;

    /// <summary>The batch whose commit was not confirmed.</summary>
    private PostgresBatch? _doubtful;

    /// <summary>Writes all records, or none of them. Throws <see cref="AnalyticsStoreException"/> when the server does not take them.</summary>
    public async Task WriteAsync(IReadOnlyList<RequestRecord> records, CancellationToken cancellationToken)
    {
        try
        {
            records = await WithoutWrittenAsync(records, cancellationToken);
            records = spool?.ExceptSpooled(records) ?? records;
            if (records.Count > 0)
            {
                // A copy: the caller goes on adding to its list.
                await WriteAsync(new PostgresBatch(_instance, _number + 1, [.. records]), cancellationToken);
                _number++;
            }

            spool?.ForgetSpooled();
        }
        catch (NpgsqlException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw connections.Explain(exception);
        }
    }

    /// <summary>Writes a batch of another sender, unless it is there already.</summary>
    public async Task WriteAsync(PostgresBatch batch, CancellationToken cancellationToken)
    {
        try
        {
            await CreateDaysAsync(batch.Records, cancellationToken);
            await WriteOnceAsync(batch, cancellationToken);
        }
        catch (NpgsqlException)
        {
            // A partition may have been dropped, or the database created anew.
            _days.Clear();
            _rollups.Forget();
            _writer = 0;
            throw;
        }
    }

    /// <summary>After a commit that was not confirmed: the records that are not there yet.</summary>
    private async Task<IReadOnlyList<RequestRecord>> WithoutWrittenAsync(IReadOnlyList<RequestRecord> records, CancellationToken cancellationToken)
    {
        if (_doubtful is not { } doubtful)
        {
            return records;
        }

        if (spool is not null && spool.Doubtful != doubtful)
        {
            // The spool holds the batch now, under its own identity.
            (_doubtful, _instance, _number, _writer, _rollups) = (null, Guid.CreateVersion7(), 0, 0, new PostgresRollups());
            return records;
        }

        var last = (long)await connections.ChangeAsync(
            async session =>
            {
                session.CommandTimeout = Timeout;
                return (await session.AskAsync($"{Register} last_batch", cancellationToken, _instance))!;
            },
            cancellationToken);
        SetDoubtful(null);
        _rollups.Forget();
        if (last < doubtful.Number)
        {
            return records;
        }

        _number = last;
        var written = new HashSet<RequestRecord>(doubtful.Records, ReferenceEqualityComparer.Instance);
        return [.. records.Where(record => !written.Contains(record))];
    }

    private void SetDoubtful(PostgresBatch? batch)
    {
        _doubtful = batch;
        spool?.Doubtful = batch;
    }

    private static IEnumerable<DateOnly> DaysOf(IReadOnlyList<RequestRecord> records) =>
        records.Select(record => PostgresTime.DayOf(record.Timestamp.UtcDateTime)).Distinct();

    private async Task CreateDaysAsync(IReadOnlyList<RequestRecord> records, CancellationToken cancellationToken)
    {
        List<DateOnly> days = [.. DaysOf(records).Where(day => !_days.Contains(day))];
        if (days.Count > 0)
        {
            await PostgresDays.CreateAsync(connections, days, cancellationToken);
            _days.UnionWith(days);
        }
    }

    private async Task WriteOnceAsync(PostgresBatch batch, CancellationToken cancellationToken)
    {
        await using var session = await connections.OpenAsync(IsolationLevel.ReadCommitted, cancellationToken);
        session.CommandTimeout = Timeout;
        await session.RunAsync(PostgresSchema.ShareRecords, cancellationToken);
        if (await session.AskAsync(Begin, cancellationToken, batch.Instance, batch.Number, (long)batch.Records.Count) is not int sender)
        {
            return;
        }

        var writer = batch.Instance == _instance ? sender : await WriterAsync(session, cancellationToken);
        var removals = (long)(await session.AskAsync(
            $"WITH late AS ({PostgresDays.Outdate}) {PostgresRemoval.Counted}",
            cancellationToken,
            DaysOf(batch.Records).Select(PostgresTime.StartOf).ToArray()))!;
        var ids = await session.ListAsync(
            $"SELECT nextval('{PostgresSchema.Name}.request_ids') FROM generate_series(1, $1)",
            [batch.Records.Count],
            row => row.GetInt64(0),
            cancellationToken);
        await _rollups.WriteAsync(
            session,
            writer,
            removals,
            [.. batch.Records.Select(StatRow.Of)],
            () => CopyAsync(session, ids, batch.Records, cancellationToken),
            cancellationToken);
        try
        {
            await session.CommitAsync(cancellationToken);
        }
        // Whether the server committed is not known.
        catch (Exception exception) when (exception is NpgsqlException or OperationCanceledException)
        {
            SetDoubtful(batch.Instance == _instance ? batch : null);
            throw;
        }

        _writer = writer;
        _rollups.Accept();
    }

    /// <summary>The id of this writer, whose sums also take the batches of other senders.</summary>
    private async Task<int> WriterAsync(PostgresSession session, CancellationToken cancellationToken) =>
        _writer != 0 ? _writer : (int)(await session.AskAsync($"{Register} id", cancellationToken, _instance))!;

    private static async Task CopyAsync(PostgresSession session, List<long> ids, IReadOnlyList<RequestRecord> records, CancellationToken cancellationToken)
    {
        await session.CopyAsync(
            $"{PostgresSchema.Name}.requests",
            s_requestColumns,
            async copy =>
            {
                foreach (var (index, record) in records.Index())
                {
                    copy.BeginRow(1 + PostgresColumns.OfRequests.Count);
                    copy.Add(ids[index]);
                    foreach (var field in PostgresColumns.OfRequests)
                    {
                        field.Write(record, copy);
                    }

                    await copy.SendAsync(cancellationToken);
                }
            },
            cancellationToken);
        if (!records.Any(record => record.HasText))
        {
            return;
        }

        await session.CopyAsync(
            $"{PostgresSchema.Name}.texts",
            s_textColumns,
            async copy =>
            {
                foreach (var (index, record) in records.Index().Where(item => item.Item.HasText))
                {
                    copy.BeginRow(3 + RecordFields.Texts.Count);
                    copy.Add(ids[index]);
                    copy.Add(record.Timestamp);
                    foreach (var field in RecordFields.Texts)
                    {
                        field.Write(record, copy);
                    }

                    copy.Add(PostgresText.Fold(record.Prompt, record.Response));
                    await copy.SendAsync(cancellationToken);
                }
            },
            cancellationToken);
    }
}
