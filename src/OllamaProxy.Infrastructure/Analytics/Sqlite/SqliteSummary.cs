using Microsoft.Data.Sqlite;
using OllamaProxy.Domain;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Statistics at one moment, on a reader's connection: from sums of the whole hours in the range, and from the rows of its ends and of stale hours.</summary>
internal static class SqliteSummary
{
    public static RequestStats Of(SqliteConnection connection, StatsQuery query)
    {
        var builder = new StatsBuilder(query);
        var filter = SqliteFilter.Of(query.Filter);
        using var transaction = connection.BeginTransaction(deferred: true);
        var from = filter.From is { } first ? (long)Math.Ceiling(first / (double)SqliteRollups.HourUs) : long.MinValue / SqliteRollups.HourUs;
        var to = filter.To is { } last ? SqliteRollups.HourOf(last + 1) : long.MaxValue / SqliteRollups.HourUs;
        if (filter.NeedsRows || query.SeriesStep?.Ticks % TimeSpan.TicksPerHour is > 0 || from >= to)
        {
            foreach (var candidates in SqliteTextIndex.Candidates(connection, filter))
            {
                ReadRows(connection, filter, candidates, row => builder.Add(row.Timestamp, row.Labels, row.Numbers));
            }

            return builder.Build();
        }

        // Totals know one label each: they are of no use to a filter by another.
        var useTotals = query.Filter with { From = null, To = null, IsInference = null } == RequestFilter.Everything;
        List<(long First, long End)> rows = [(long.MinValue, from * SqliteRollups.HourUs), (to * SqliteRollups.HourUs, long.MaxValue)];
        List<long> rollups = [];
        foreach (var (hour, state) in Hours(connection, from, to))
        {
            if (state == SqliteRollups.Stale)
            {
                rows.Add((hour * SqliteRollups.HourUs, (hour + 1) * SqliteRollups.HourUs));
            }
            else if (state == SqliteRollups.Closed && useTotals)
            {
                MergeTotals(connection, query, builder, hour);
            }
            else
            {
                rollups.Add(hour);
            }
        }

        MergeRollups(connection, query, builder, rollups);
        foreach (var (start, end) in rows)
        {
            var range = SqliteFilter.Of(query.Filter);
            range.From = Math.Max(start, filter.From ?? long.MinValue);
            range.To = Math.Min(end - 1, filter.To ?? long.MaxValue);
            if (range.From <= range.To)
            {
                ReadRows(connection, range, SqliteCandidates.All, row => builder.Add(row.Timestamp, row.Labels, row.Numbers));
            }
        }

        return builder.Build();
    }

    private static List<(long Hour, long State)> Hours(SqliteConnection connection, long from, long to)
    {
        List<(long, long)> hours = [];
        using var command = SqliteSchema.Command(connection, "SELECT hour, state FROM hours WHERE hour >= @From AND hour < @To", ("@From", from), ("@To", to));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            hours.Add((reader.GetInt64(0), reader.GetInt64(1)));
        }

        return hours;
    }

    private static void MergeTotals(SqliteConnection connection, StatsQuery query, StatsBuilder builder, long hour)
    {
        using var command = SqliteSchema.Command(connection, "SELECT label, sums FROM totals WHERE hour = @Hour", ("@Hour", hour));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var key = raw.sqlite3_column_blob(reader.Handle!, 0);
            if (SqliteRollups.Total.Target(key, query.Filter.IsInference, builder) is { } target)
            {
                var sums = raw.sqlite3_column_blob(reader.Handle!, 1);
                target.Merge(sums);
                if (builder.Split is { } split && key[1] == (byte)split)
                {
                    builder.PartOf(SqliteRow.Instant(hour * SqliteRollups.HourUs), SqliteRollups.Total.ValueOf(key)).Merge(sums);
                }

                if (target == builder.SumsOfAll)
                {
                    builder.StepOf(SqliteRow.Instant(hour * SqliteRollups.HourUs))?.Merge(sums);
                }
            }
        }
    }

    private static void MergeRollups(SqliteConnection connection, StatsQuery query, StatsBuilder builder, IReadOnlyCollection<long> hours)
    {
        var labels = new RollupLabels(query, builder);
        using var command = SqliteSchema.Command(connection, "SELECT labels, sums FROM rollups WHERE hour = @Hour");
        var parameter = command.Parameters.Add("@Hour", SqliteType.Integer);
        foreach (var hour in hours)
        {
            parameter.Value = hour;
            var start = SqliteRow.Instant(hour * SqliteRollups.HourUs);
            StatSums? step = null;
            using var reader = command.ExecuteReader();
            while (reader.Read())
            {
                // At the level of bytes, as there may be many.
                if (!labels.Read(raw.sqlite3_column_blob(reader.Handle!, 0)))
                {
                    continue;
                }

                var value = raw.sqlite3_column_blob(reader.Handle!, 1);
                foreach (var target in labels.Sums)
                {
                    target.Merge(value);
                }

                step ??= builder.StepOf(start);
                step?.Merge(value);
                if (builder.Split is not null)
                {
                    builder.PartOf(start, labels.Part).Merge(value);
                }
            }
        }
    }

    public static void ReadRows(SqliteConnection connection, SqliteFilter filter, SqliteCandidates candidates, Action<FactRow> add)
    {
        using var command = SqliteSchema.Command(connection, SqliteQueries.Facts(filter, candidates));
        filter.AddTo(command, candidates);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            add(new FactRow(
                SqliteRow.Instant(reader.GetInt64(0)),
                new StatLabels(Text(reader, 1), reader.GetString(2), reader.GetString(3), Text(reader, 4), Text(reader, 5), reader.GetString(6), reader.GetString(7), reader.GetInt64(8) != 0),
                new StatNumbers(
                    SqliteRow.Duration(reader.GetInt64(9)).TotalSeconds,
                    reader.IsDBNull(10) ? null : SqliteRow.Duration(reader.GetInt64(10)).TotalSeconds,
                    reader.IsDBNull(11) ? null : reader.GetDouble(11),
                    Number(reader, 12),
                    Number(reader, 13),
                    Number(reader, 14),
                    reader.IsDBNull(15) ? null : SqliteRow.Duration(reader.GetInt64(15)),
                    reader.GetInt64(16) != 0)));
        }
    }

    private static string? Text(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static long? Number(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);

    public readonly record struct FactRow(DateTimeOffset Timestamp, StatLabels Labels, StatNumbers Numbers);
}
