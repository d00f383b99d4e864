using System.Globalization;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Creates the partitions of the next days, and the sums and the text index of past days.</summary>
internal static class PostgresUpkeep
{
    /// <summary>Days for which there are partitions before they begin.</summary>
    private const int Ahead = 2;

    /// <summary>A day is indexed when it has been over for so long: requests that began in it have ended.</summary>
    private static readonly TimeSpan s_after = TimeSpan.FromHours(1);

    /// <summary>Where the extension's operator class is; no row without the extension.</summary>
    private const string FindTrigrams =
        "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace space ON space.oid = extnamespace WHERE extname = 'pg_trgm'";

    /// <summary>Changes a row unless another proxy indexes. A proxy that was killed meanwhile keeps the others from it for an hour.</summary>
    private const string Begin = $"UPDATE {PostgresSchema.Name}.indexing SET until = now() + interval '1 hour' WHERE until < now()";

    private const string Renew = $"UPDATE {PostgresSchema.Name}.indexing SET until = now() + interval '1 hour'";

    private const string End = $"UPDATE {PostgresSchema.Name}.indexing SET until = '-infinity'";

    /// <summary>A sender that was not seen for so long sends nothing any more: each start of a proxy is another one.</summary>
    private const string ForgetWriters =
        $"""
        WITH gone AS (DELETE FROM {PostgresSchema.Name}.writers WHERE seen < now() - interval '400 days' RETURNING records)
        UPDATE {PostgresSchema.Name}.removals SET records = records + (SELECT sum(gone.records) FROM gone) WHERE EXISTS (SELECT 1 FROM gone)
        """;

    /// <summary>The days that have an index, complete.</summary>
    private const string Indexed =
        $"""
        SELECT substring(relname FROM 'texts_([0-9]+)_trigrams') FROM pg_index JOIN pg_class ON oid = indexrelid
        WHERE indisvalid AND relnamespace = to_regnamespace('{PostgresSchema.Name}') AND relname ~ '^texts_[0-9]+_trigrams$'
        """;

    /// <summary>The days whose texts are found by an index.</summary>
    public static async Task<HashSet<DateOnly>> IndexedAsync(PostgresSession session, CancellationToken cancellationToken) =>
    [
        .. await session.ListAsync(Indexed, [], row => DateOnly.ParseExact(row.GetString(0), "yyyyMMdd", CultureInfo.InvariantCulture), cancellationToken),
    ];

    public static async Task RunAsync(PostgresConnections connections, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var today = PostgresTime.DayOf(now.UtcDateTime);
        await PostgresDays.CreateAsync(connections, [.. Enumerable.Range(0, Ahead + 1).Select(today.AddDays)], cancellationToken);
        var before = PostgresTime.DayOf((now - s_after).UtcDateTime);
        await SumAsync(connections, before, cancellationToken);
        await IndexAsync(connections, before, cancellationToken);
    }

    /// <summary>Adds up the days before one that are not added up yet. Each in a transaction, because no batch may be written meanwhile.</summary>
    private static async Task SumAsync(PostgresConnections connections, DateOnly before, CancellationToken cancellationToken)
    {
        var (all, summed) = await connections.ReadAsync(
            async session => (
                await PostgresDays.ListAsync(session, "hourly", cancellationToken),
                await session.ListAsync($"SELECT day FROM {PostgresSchema.Name}.days", [], row => PostgresTime.DayOf(row.GetDateTime(0)), cancellationToken)),
            cancellationToken);
        foreach (var start in all.Where(day => day < before).Except(summed).Select(PostgresTime.StartOf))
        {
            await connections.ChangeAsync(
                async session =>
                {
                    await session.RunAsync(PostgresSchema.LockRecords, cancellationToken);
                    // Another proxy may have been first.
                    if (await session.RunAsync($"INSERT INTO {PostgresSchema.Name}.days VALUES ($1) ON CONFLICT DO NOTHING", cancellationToken, start) > 0)
                    {
                        await PostgresDays.ForgetSumsAsync(session, start, cancellationToken);
                        await PostgresRollups.WriteDayAsync(session, start, cancellationToken);
                    }

                    return true;
                },
                cancellationToken);
        }
    }

    /// <summary>
    /// Indexes the texts of the days before one. Not while they are written: an index entry for every three characters of a prompt would cost more than
    /// everything else about a record.
    /// </summary>
    private static async Task IndexAsync(PostgresConnections connections, DateOnly before, CancellationToken cancellationToken)
    {
        if (await connections.ChangeAsync(session => session.RunAsync(Begin, cancellationToken), cancellationToken) == 0)
        {
            return;
        }

        var (space, days) = await connections.ReadAsync(
            async session => (await session.AskAsync(FindTrigrams, cancellationToken) as string, await UnindexedAsync(session, before, cancellationToken)),
            cancellationToken);
        foreach (var day in space is null ? [] : days)
        {
            // An import brings more days than an hour is long enough for.
            await connections.ChangeAsync(session => session.RunAsync(Renew, cancellationToken), cancellationToken);
            var (texts, index) = (PostgresDays.NameOf("texts", day), IndexOf(day));
            // One that was begun and not finished is of no use.
            await connections.RunAloneAsync($"DROP INDEX IF EXISTS {PostgresSchema.Name}.{index}", cancellationToken);
            await connections.RunAloneAsync($"CREATE INDEX CONCURRENTLY {index} ON {texts} USING gin (folded {space}.gin_trgm_ops)", cancellationToken);
            await connections.RunAloneAsync($"ANALYZE {texts}", cancellationToken);
        }

        await connections.ChangeAsync(session => session.RunAsync(ForgetWriters, cancellationToken), cancellationToken);
        await connections.ChangeAsync(session => session.RunAsync(End, cancellationToken), cancellationToken);
    }

    private static async Task<List<DateOnly>> UnindexedAsync(PostgresSession session, DateOnly before, CancellationToken cancellationToken)
    {
        var indexed = await IndexedAsync(session, cancellationToken);
        return [.. (await PostgresDays.ListAsync(session, "texts", cancellationToken)).Where(day => day < before && !indexed.Contains(day))];
    }

    private static string IndexOf(DateOnly day) => $"{PostgresDays.NameOf("texts", day).Split('.')[1]}_trigrams";
}
