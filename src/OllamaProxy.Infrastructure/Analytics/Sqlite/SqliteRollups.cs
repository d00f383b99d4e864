using Microsoft.Data.Sqlite;
using OllamaProxy.Domain;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Sums of whole hours, so that statistics need not look at every record. An hour is either exact or stale: what removes records makes it stale in the same
/// transaction, readers read a stale hour's rows, and it is summed up again soon.
/// </summary>
internal static class SqliteRollups
{
    private const long HourUs = 3_600_000_000;

    private const string Put = "INSERT OR REPLACE INTO rollups (hour, labels, sums) VALUES (@Hour, @Labels, @Sums)";

    public static long HourOf(long timestampUs) => (long)Math.Floor(timestampUs / (double)HourUs);

    /// <summary>Adds new records to the sums of their hours, but for stale hours: they are summed up from all of their records.</summary>
    public static void Add(SqliteConnection connection, IEnumerable<SqliteRow> rows)
    {
        using var get = connection.CreateCommand();
        get.CommandText = "SELECT sums FROM rollups WHERE hour = @Hour AND labels = @Labels";
        var hourKey = get.Parameters.Add("@Hour", SqliteType.Integer);
        var labelsKey = get.Parameters.Add("@Labels", SqliteType.Blob);
        foreach (var hour in rows.GroupBy(row => HourOf(row.TimestampUs)))
        {
            using var stale = SqliteSchema.Command(connection, "SELECT 1 FROM stale_hours WHERE hour = @Hour", ("@Hour", hour.Key));
            if (stale.ExecuteScalar() is not null)
            {
                continue;
            }

            var sums = new HourSums();
            foreach (var row in hour)
            {
                sums.Add(row);
            }

            foreach (var (labels, added) in sums.Cells)
            {
                hourKey.Value = hour.Key;
                labelsKey.Value = labels;
                if (get.ExecuteScalar() is byte[] before)
                {
                    added.Merge(before);
                }
            }

            Write(connection, hour.Key, sums);
        }
    }

    /// <summary>Takes away the sums of the hours of records that were removed, and marks the hours as stale unless they have no record any more.</summary>
    public static void Drop(SqliteConnection connection, IEnumerable<long> timestamps)
    {
        foreach (var hour in timestamps.Select(HourOf).Distinct())
        {
            using var command = SqliteSchema.Command(
                connection,
                """
                DELETE FROM rollups WHERE hour = @Hour;
                DELETE FROM stale_hours WHERE hour = @Hour;
                INSERT INTO stale_hours SELECT @Hour WHERE EXISTS (SELECT 1 FROM requests WHERE timestamp_us BETWEEN @First AND @Last);
                """,
                ("@Hour", hour),
                ("@First", hour * HourUs),
                ("@Last", (hour * HourUs) + HourUs - 1));
            command.ExecuteNonQuery();
        }
    }

    /// <summary>The newest stale hour; null when there is none.</summary>
    public static long? Stale(SqliteConnection connection)
    {
        using var command = SqliteSchema.Command(connection, "SELECT MAX(hour) FROM stale_hours");
        return command.ExecuteScalar() as long?;
    }

    /// <summary>Sums up an hour as far as its records are there now, on a reader's connection, as that takes a while for a busy hour. Returns the last position too.</summary>
    public static (HourSums Sums, long Last) SumUp(SqliteConnection connection, long hour)
    {
        using var transaction = connection.BeginTransaction(deferred: true);
        using var last = SqliteSchema.Command(connection, "SELECT COALESCE(MAX(id), 0) FROM requests");
        var sums = new HourSums();
        var position = (long)last.ExecuteScalar()!;
        sums.Read(connection, hour, SqliteTextIndex.All);
        return (sums, position);
    }

    /// <summary>Makes an hour exact again. Nothing may have been removed since <paramref name="sums"/> were taken; what was added is added here.</summary>
    public static void Restore(SqliteConnection connection, long hour, HourSums sums, long last)
    {
        using var transaction = connection.BeginTransaction();
        sums.Read(connection, hour, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"id > {last}"));
        using var command = SqliteSchema.Command(
            connection,
            "DELETE FROM rollups WHERE hour = @Hour; DELETE FROM stale_hours WHERE hour = @Hour;", ("@Hour", hour));
        command.ExecuteNonQuery();
        Write(connection, hour, sums);
        transaction.Commit();
    }

    /// <summary>Statistics at one moment: from the sums of the whole hours in the range, and from the rows of its ends and of stale hours.</summary>
    public static RequestStats Summarize(SqliteConnection connection, StatsQuery query)
    {
        var builder = new StatsBuilder(query);
        var filter = SqliteFilter.Of(query.Filter);
        using var transaction = connection.BeginTransaction(deferred: true);
        if (filter.NeedsRows || query.SeriesStep?.Ticks % TimeSpan.TicksPerHour is > 0)
        {
            foreach (var part in SqliteTextIndex.Candidates(connection, filter))
            {
                ReadRows(connection, filter, part.Candidates, row => builder.Add(row.Timestamp, row.Labels, row.Numbers));
            }

            return builder.Build();
        }

        var from = filter.From is { } first ? (long)Math.Ceiling(first / (double)HourUs) : long.MinValue / HourUs;
        var to = filter.To is { } end ? HourOf(end + 1) : long.MaxValue / HourUs;
        if (from >= to)
        {
            ReadRows(connection, filter, SqliteTextIndex.All, row => builder.Add(row.Timestamp, row.Labels, row.Numbers));
            return builder.Build();
        }

        MergeHours(connection, query, builder, from, to);
        List<(long First, long End)> ranges = [(long.MinValue, from * HourUs), (to * HourUs, long.MaxValue)];
        using (var stale = SqliteSchema.Command(connection, "SELECT hour FROM stale_hours WHERE hour >= @From AND hour < @To", ("@From", from), ("@To", to)))
        using (var reader = stale.ExecuteReader())
        {
            while (reader.Read())
            {
                ranges.Add((reader.GetInt64(0) * HourUs, (reader.GetInt64(0) + 1) * HourUs));
            }
        }

        foreach (var (start, stop) in ranges)
        {
            var range = SqliteFilter.Of(query.Filter);
            range.From = Math.Max(start, filter.From ?? long.MinValue);
            range.To = Math.Min(stop - 1, filter.To ?? long.MaxValue);
            if (range.From <= range.To)
            {
                ReadRows(connection, range, SqliteTextIndex.All, row => builder.Add(row.Timestamp, row.Labels, row.Numbers));
            }
        }

        return builder.Build();
    }

    private static void MergeHours(SqliteConnection connection, StatsQuery query, StatsBuilder builder, long from, long to)
    {
        // What each combination of labels adds to; null for what the filter leaves out. Labels repeat every hour.
        var targets = new Dictionary<byte[], StatSums[]?>(BytesComparer.Instance);
        var lookup = targets.GetAlternateLookup<ReadOnlySpan<byte>>();
        using var command = SqliteSchema.Command(
            connection,
            "SELECT hour, labels, sums FROM rollups WHERE hour >= @From AND hour < @To ORDER BY hour", ("@From", from), ("@To", to));
        using var reader = command.ExecuteReader();
        (long Hour, StatSums? Sums) step = (long.MinValue, null);
        while (reader.Read())
        {
            // At the level of bytes, as there may be many.
            var hour = raw.sqlite3_column_int64(reader.Handle!, 0);
            var key = raw.sqlite3_column_blob(reader.Handle!, 1);
            if (!lookup.TryGetValue(key, out var sums))
            {
                var labels = StatLabels.FromBytes(key);
                sums = labels.Matches(query.Filter) ? builder.SumsOf(labels) : null;
                targets[key.ToArray()] = sums;
            }

            if (sums is null)
            {
                continue;
            }

            if (step.Hour != hour)
            {
                step = (hour, builder.StepOf(SqliteRow.Instant(hour * HourUs)));
            }

            var value = raw.sqlite3_column_blob(reader.Handle!, 2);
            foreach (var target in sums)
            {
                target.Merge(value);
            }

            step.Sums?.Merge(value);
        }
    }

    private static void Write(SqliteConnection connection, long hour, HourSums sums)
    {
        using var put = SqliteSchema.Command(connection, Put, ("@Hour", hour));
        var labels = put.Parameters.Add("@Labels", SqliteType.Blob);
        var value = put.Parameters.Add("@Sums", SqliteType.Blob);
        foreach (var cell in sums.Cells)
        {
            labels.Value = cell.Key;
            value.Value = cell.Value.ToBytes();
            put.ExecuteNonQuery();
        }
    }

    private static void ReadRows(SqliteConnection connection, SqliteFilter filter, string candidates, Action<FactRow> add)
    {
        using var command = SqliteSchema.Command(connection, SqliteQueries.Facts(filter, candidates));
        filter.AddTo(command);
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
                    Number(reader, 14))));
        }
    }

    private static string? Text(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static long? Number(SqliteDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetInt64(column);

    private readonly record struct FactRow(DateTimeOffset Timestamp, StatLabels Labels, StatNumbers Numbers);

    /// <summary>The sums of one hour by labels.</summary>
    public sealed class HourSums
    {
        public Dictionary<byte[], StatSums> Cells { get; } = new(BytesComparer.Instance);

        public void Add(SqliteRow row)
        {
            var record = row.ToRecord();
            Add(StatLabels.Of(record), StatNumbers.Of(record));
        }

        public void Read(SqliteConnection connection, long hour, string candidates) =>
            ReadRows(connection, new SqliteFilter { From = hour * HourUs, To = (hour * HourUs) + HourUs - 1 }, candidates, row => Add(row.Labels, row.Numbers));

        private void Add(StatLabels labels, StatNumbers numbers)
        {
            var key = labels.ToBytes();
            if (!Cells.TryGetValue(key, out var sums))
            {
                Cells[key] = sums = new StatSums();
            }

            sums.Add(labels.Status, numbers);
        }
    }

    private sealed class BytesComparer : IEqualityComparer<byte[]>, IAlternateEqualityComparer<ReadOnlySpan<byte>, byte[]>
    {
        public static BytesComparer Instance { get; } = new();

        public bool Equals(byte[]? x, byte[]? y) => x.AsSpan().SequenceEqual(y);

        public bool Equals(ReadOnlySpan<byte> alternate, byte[] other) => alternate.SequenceEqual(other);

        public int GetHashCode(byte[] obj) => GetHashCode(obj.AsSpan());

        public int GetHashCode(ReadOnlySpan<byte> alternate)
        {
            var hash = new HashCode();
            hash.AddBytes(alternate);
            return hash.ToHashCode();
        }

        public byte[] Create(ReadOnlySpan<byte> alternate) => alternate.ToArray();
    }
}
