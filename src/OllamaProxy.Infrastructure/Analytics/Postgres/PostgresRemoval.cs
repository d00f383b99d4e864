using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// Removes single records, hour by hour: those of an hour go in one transaction, in which its sums are computed again from what stays. No batch is written in
/// between by any proxy, and writers notice that their sums have changed.
/// </summary>
internal static class PostgresRemoval
{
    /// <summary>How often records were removed.</summary>
    public const string Counted = $"SELECT count FROM {PostgresSchema.Name}.removals";

    /// <summary>Run by everything that removes records, with their number.</summary>
    public const string Count = $"UPDATE {PostgresSchema.Name}.removals SET count = count + 1, records = records - $1";

    /// <summary>Sums that were computed again belong to no proxy.</summary>
    private const int NoWriter = 0;

    /// <summary>Removes every matching record; returns how many.</summary>
    public static async Task<long> RunAsync(PostgresConnections connections, RequestFilter filter, CancellationToken cancellationToken)
    {
        var matching = new PostgresFilter(filter);
        var hours = await connections.ChangeAsync(
            session => session.ListAsync(
                $"SELECT DISTINCT date_trunc('hour', r.time, 'UTC') FROM {PostgresSchema.Name}.requests r WHERE {matching.Condition} ORDER BY 1",
                matching.Values,
                row => row.GetDateTime(0),
                cancellationToken),
            cancellationToken);
        var removed = 0L;
        foreach (var hour in hours)
        {
            // Texts are searched in this hour only.
            var (from, to) = (PostgresTime.Instant(hour), PostgresTime.Instant(hour.AddHours(1)).AddMicroseconds(-1));
            var part = new PostgresFilter(filter with { From = filter.From > from ? filter.From : from, To = filter.To < to ? filter.To : to });
            removed += await connections.ChangeAsync(session => RunAsync(session, part, hour, cancellationToken), cancellationToken);
        }

        return removed;
    }

    /// <summary>Removes the record with a number; false when there is none.</summary>
    public static async Task<bool> RunAsync(PostgresConnections connections, long id, CancellationToken cancellationToken) => await connections.ChangeAsync(
        async session =>
        {
            if (await session.AskAsync($"SELECT r.time FROM {PostgresSchema.Name}.requests r WHERE r.id = $1", cancellationToken, id) is not DateTime time)
            {
                return 0;
            }

            var record = new PostgresFilter(RequestFilter.Everything);
            record.And($"r.id = {record.Parameter(id)}");
            return await RunAsync(session, record, PostgresTime.HourOf(time), cancellationToken);
        },
        cancellationToken) > 0;

    private static async Task<long> RunAsync(PostgresSession session, PostgresFilter filter, DateTime hour, CancellationToken cancellationToken)
    {
        await session.RunAsync(PostgresSchema.LockRecords, cancellationToken);
        var (from, to) = (filter.Parameter(hour), filter.Parameter(hour.AddHours(1)));
        filter.And($"r.time >= {from} AND r.time < {to}");
        var removed = (long)(await session.AskAsync(
            $"""
            WITH gone AS (
                DELETE FROM {PostgresSchema.Name}.requests r WHERE {filter.Condition} RETURNING r.id),
            texts_gone AS (
                DELETE FROM {PostgresSchema.Name}.texts t USING gone WHERE t.id = gone.id AND t.time >= {from} AND t.time < {to})
            SELECT count(*) FROM gone
            """,
            cancellationToken,
            [.. filter.Values]))!;
        if (removed > 0)
        {
            await SumAgainAsync(session, hour, cancellationToken);
            await session.RunAsync(PostgresDays.Outdate, cancellationToken, (DateTime[])[PostgresTime.StartOf(PostgresTime.DayOf(hour))]);
            await session.RunAsync(Count, cancellationToken, removed);
        }

        return removed;
    }

    private static async Task SumAgainAsync(PostgresSession session, DateTime hour, CancellationToken cancellationToken)
    {
        List<StatRow> rows = [];
        var whole = new PostgresFilter(RequestFilter.Everything);
        whole.And($"r.time >= {whole.Parameter(hour)} AND r.time < {whole.Parameter(hour.AddHours(1))}");
        await PostgresSummary.EachAsync(session, whole, rows.Add, cancellationToken);
        foreach (var table in PostgresDays.Tables.Where(table => table.StartsWith("hourly", StringComparison.Ordinal)))
        {
            await session.RunAsync($"DELETE FROM {PostgresSchema.Name}.{table} WHERE start = $1", cancellationToken, hour);
        }

        if (rows.Count > 0)
        {
            await new PostgresRollups().WriteAsync(session, NoWriter, 0, rows, null, cancellationToken);
        }
    }
}
