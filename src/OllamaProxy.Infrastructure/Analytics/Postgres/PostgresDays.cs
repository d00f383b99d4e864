using System.Globalization;
using Npgsql;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// The partitions: one of each table for each UTC day. They are created ahead and dropped whole, because a DELETE of a day would leave a table full of holes.
/// </summary>
internal static class PostgresDays
{
    /// <summary>The tables that have a partition for each day.</summary>
    public static IReadOnlyList<string> Tables { get; } = ["requests", "texts", "hourly", "hourly_clients", "hourly_client_labels"];

    /// <summary>Run by everything that changes the records of some days: their sums by day are no longer right.</summary>
    public const string Outdate = $"DELETE FROM {PostgresSchema.Name}.days WHERE day = ANY ($1)";

    /// <summary>Rows stay whole up to a block: to compress parts of them takes longer than to write all the rest, and saves no space worth it.</summary>
    public const string Whole = "toast_tuple_target = 8160";

    /// <summary>How long a drop waits for readers of the partition. Everything else waits behind it.</summary>
    private const string ShortWait = "SELECT set_config('lock_timeout', '3s', true)";

    /// <summary>The days that have a partition of a table, oldest first.</summary>
    public static Task<List<DateOnly>> ListAsync(PostgresSession session, string table, CancellationToken cancellationToken) => session.ListAsync(
        "SELECT right(relname, 8) FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = to_regclass($1) ORDER BY 1",
        [$"{PostgresSchema.Name}.{table}"],
        row => DateOnly.ParseExact(row.GetString(0), "yyyyMMdd", CultureInfo.InvariantCulture),
        cancellationToken);

    /// <summary>Creates the partitions of days that have none.</summary>
    public static Task CreateAsync(
        PostgresConnections connections, IReadOnlyCollection<DateOnly> days, CancellationToken cancellationToken) => connections.ChangeAsync(
        async session =>
        {
            await session.RunAsync(PostgresSchema.LockTables, cancellationToken);
            foreach (var table in Tables)
            {
                foreach (var day in days.Except(await ListAsync(session, table, cancellationToken)))
                {
                    // CREATE TABLE ... PARTITION OF would lock out all readers; ATTACH does not.
                    await session.RunAsync(
                        $"""
                        CREATE TABLE {NameOf(table, day)} (LIKE {PostgresSchema.Name}.{table}){StorageOf(table)};
                        ALTER TABLE {PostgresSchema.Name}.{table} ATTACH PARTITION {NameOf(table, day)}
                            FOR VALUES FROM ('{Literal(day)}') TO ('{Literal(day.AddDays(1))}');
                        """,
                        cancellationToken);
                }
            }

            return true;
        },
        cancellationToken);

    /// <summary>
    /// Drops the partitions of a day; returns how many rows the first had, which is 0 when another proxy was first. Returns null when a reader uses them.
    /// </summary>
    public static async Task<long?> DropAsync(
        PostgresConnections connections, DateOnly day, IReadOnlyList<string> tables, CancellationToken cancellationToken)
    {
        try
        {
            return await connections.ChangeAsync<long?>(
                async session =>
                {
                    await session.RunAsync(PostgresSchema.LockTables, cancellationToken);
                    if (!(await ListAsync(session, tables[0], cancellationToken)).Contains(day))
                    {
                        return 0L;
                    }

                    var isWhole = tables[0] == "requests";
                    var rows = isWhole ? 0 : (long)(await session.AskAsync($"SELECT count(*) FROM {NameOf(tables[0], day)}", cancellationToken))!;
                    await session.RunAsync(ShortWait, cancellationToken);
                    await session.RunAsync(PostgresSchema.LockRecords, cancellationToken);
                    if (isWhole)
                    {
                        // The sums know their number, so no writer waits for a count.
                        rows = (long)(await session.AskAsync($"SELECT COALESCE(sum(requests), 0)::bigint FROM {NameOf("hourly", day)}", cancellationToken))!;
                    }

                    await session.RunAsync($"DROP TABLE IF EXISTS {string.Join(", ", tables.Select(table => NameOf(table, day)))}", cancellationToken);
                    await session.RunAsync(PostgresRemoval.Count, cancellationToken, isWhole ? rows : 0);
                    if (isWhole)
                    {
                        await session.RunAsync(Outdate, cancellationToken, (DateTime[])[PostgresTime.StartOf(day)]);
                        await ForgetSumsAsync(session, PostgresTime.StartOf(day), cancellationToken);
                    }

                    return rows;
                },
                cancellationToken);
        }
        catch (AnalyticsStoreException exception)
            when (exception.InnerException is PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable })
        {
            return null;
        }
    }

    /// <summary>Removes the sums of a day.</summary>
    public static async Task ForgetSumsAsync(PostgresSession session, DateTime day, CancellationToken cancellationToken)
    {
        foreach (var table in (string[])["daily", "daily_clients", "daily_client_labels"])
        {
            await session.RunAsync($"DELETE FROM {PostgresSchema.Name}.{table} WHERE start = $1", cancellationToken, day);
        }
    }

    public static string NameOf(string table, DateOnly day) => string.Create(CultureInfo.InvariantCulture, $"{PostgresSchema.Name}.{table}_{day:yyyyMMdd}");

    private static string StorageOf(string table) => table switch
    {
        "requests" => "",
        "texts" => $" WITH ({Whole})",
        // Sums are replaced again and again: with space in each block, their index does not change.
        _ => $" WITH (fillfactor = 50, {Whole})",
    };

    private static string Literal(DateOnly day) => day.ToString("yyyy-MM-dd' 00:00:00+00'", CultureInfo.InvariantCulture);
}
