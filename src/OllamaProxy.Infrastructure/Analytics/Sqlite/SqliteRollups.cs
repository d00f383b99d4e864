using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Sums of whole hours, so that statistics need not look at every record. What removes records makes their hour stale in the same transaction: readers read its
/// rows then (<see cref="SqliteSummary"/>), and it is summed up again soon. Hours that will hardly grow any more are packed (<see cref="SqliteHourPacks"/>).
/// </summary>
internal static class SqliteRollups
{
    public const long HourUs = 3_600_000_000;

    /// <summary>The states of an hour, as stored: its rows are to be read; there are sums, some of which may be packed; all of its sums are packed.</summary>
    public const long Stale = 0, Open = 1, Closed = 2;

    private const string PutRollup = "INSERT OR REPLACE INTO rollups (hour, labels, sums) VALUES (@Hour, @Key, @Sums)";

    public static long HourOf(long timestampUs) => (long)Math.Floor(timestampUs / (double)HourUs);

    /// <summary>Adds new records to the sums of their hours, but for stale hours: they are summed up from all of their records.</summary>
    public static void Add(SqliteConnection connection, IEnumerable<SqliteRow> rows)
    {
        using var get = SqliteSchema.Command(connection, "SELECT sums FROM rollups WHERE hour = @Hour AND labels = @Labels");
        var hourKey = get.Parameters.Add("@Hour", SqliteType.Integer);
        var labelsKey = get.Parameters.Add("@Labels", SqliteType.Blob);
        var cell = new StatCell();
        foreach (var hour in rows.GroupBy(row => HourOf(row.TimestampUs)))
        {
            using var known = SqliteSchema.Command(connection, "SELECT state FROM hours WHERE hour = @Hour", ("@Hour", hour.Key));
            var state = known.ExecuteScalar() as long?;
            if (state == Stale)
            {
                continue;
            }

            if (state != Open)
            {
                SetState(connection, hour.Key, Open);
            }

            var sums = new HourSums();
            foreach (var row in hour)
            {
                sums.Add(row);
            }

            try
            {
                foreach (var (labels, added) in sums.Cells)
                {
                    hourKey.Value = hour.Key;
                    labelsKey.Value = labels;
                    if (get.ExecuteScalar() is byte[] before)
                    {
                        cell.Read(before);
                        added.Merge(cell);
                    }
                }

                Put(connection, PutRollup, hour.Key, sums.Cells);
            }
            // Damaged sums must not keep records from being written: they are made again from the rows.
            catch (FormatException)
            {
                MakeStale(connection, hour.Key);
            }
        }
    }

    /// <summary>Takes away the sums of the hours of records that were removed, and marks the hours as stale unless they have no record any more.</summary>
    public static void Drop(SqliteConnection connection, IEnumerable<long> timestamps)
    {
        foreach (var hour in timestamps.Select(HourOf).Distinct())
        {
            Forget(connection, hour);
            using var command = SqliteSchema.Command(
                connection,
                """
                DELETE FROM hours WHERE hour = @Hour;
                INSERT INTO hours SELECT @Hour, 0 WHERE EXISTS (SELECT 1 FROM requests WHERE timestamp_us BETWEEN @First AND @Last);
                """,
                ("@Hour", hour),
                ("@First", hour * HourUs),
                ("@Last", (hour * HourUs) + HourUs - 1));
            command.ExecuteNonQuery();
        }
    }

    /// <summary>The newest stale hour; null when there is none.</summary>
    public static long? FindStale(SqliteConnection connection)
    {
        using var command = SqliteSchema.Command(connection, "SELECT MAX(hour) FROM hours WHERE state = 0");
        return command.ExecuteScalar() as long?;
    }

    /// <summary>Sums up an hour as far as its records are there now, on a reader's connection, as that takes a while for a busy hour. Returns the last position too.</summary>
    public static (HourSums Sums, long Last) SumUp(SqliteConnection connection, long hour)
    {
        using var transaction = connection.BeginTransaction(deferred: true);
        using var last = SqliteSchema.Command(connection, "SELECT COALESCE(MAX(id), 0) FROM requests");
        var sums = new HourSums();
        var position = (long)last.ExecuteScalar()!;
        sums.Read(connection, hour, SqliteCandidates.All);
        return (sums, position);
    }

    /// <summary>Makes an hour exact again. Nothing may have been removed since <paramref name="sums"/> were taken; what was added is added here.</summary>
    public static void Restore(SqliteConnection connection, long hour, HourSums sums, long last)
    {
        using var transaction = connection.BeginTransaction();
        sums.Read(connection, hour, SqliteCandidates.After(last));
        Forget(connection, hour);
        SetState(connection, hour, Open);
        Put(connection, PutRollup, hour, sums.Cells);
        transaction.Commit();
    }

    public static void SetState(SqliteConnection connection, long hour, long state)
    {
        using var command = SqliteSchema.Command(connection, "INSERT OR REPLACE INTO hours (hour, state) VALUES (@Hour, @State)", ("@Hour", hour), ("@State", state));
        command.ExecuteNonQuery();
    }

    /// <summary>Takes all sums of an hour away, to be made again from its rows.</summary>
    public static void MakeStale(SqliteConnection connection, long hour)
    {
        Forget(connection, hour);
        SetState(connection, hour, Stale);
    }

    private static void Forget(SqliteConnection connection, long hour)
    {
        using var command = SqliteSchema.Command(
            connection, "DELETE FROM rollups WHERE hour = @Hour; DELETE FROM packs WHERE hour = @Hour;", ("@Hour", hour));
        command.ExecuteNonQuery();
    }

    public static void Put(SqliteConnection connection, string sql, long hour, Dictionary<byte[], StatSums> sums)
    {
        using var put = SqliteSchema.Command(connection, sql, ("@Hour", hour));
        var key = put.Parameters.Add("@Key", SqliteType.Blob);
        var value = put.Parameters.Add("@Sums", SqliteType.Blob);
        foreach (var cell in sums)
        {
            key.Value = cell.Key;
            value.Value = cell.Value.ToBytes();
            put.ExecuteNonQuery();
        }
    }

    /// <summary>The sums of one hour by labels.</summary>
    public sealed class HourSums
    {
        public Dictionary<byte[], StatSums> Cells { get; } = new(BytesComparer.Instance);

        public void Add(SqliteRow row)
        {
            var record = row.ToRecord();
            Add(StatLabels.Of(record), StatNumbers.Of(record));
        }

        public void Read(SqliteConnection connection, long hour, SqliteCandidates candidates) =>
            SqliteSummary.ReadRows(connection, new SqliteFilter { From = hour * HourUs, To = (hour * HourUs) + HourUs - 1 }, candidates, row => Add(row.Labels, row.Numbers));

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
}
