using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Sums of whole hours, so that statistics need not look at every record. What removes records makes their hour stale in the same transaction: readers read its
/// rows then (<see cref="SqliteSummary"/>), and it is summed up again soon. Hours that will hardly grow any more are closed.
/// </summary>
internal static class SqliteRollups
{
    public const long HourUs = 3_600_000_000;

    /// <summary>The states of an hour, as stored.</summary>
    public const long Stale = 0, Open = 1, Closed = 2;

    /// <summary>So many of the newest hours stay open: requests are recorded when they end, in the hour in which they began.</summary>
    private const long KeptOpen = 2;

    private const string PutRollup = "INSERT OR REPLACE INTO rollups (hour, labels, sums) VALUES (@Hour, @Key, @Sums)";

    private const string PutTotal = "INSERT INTO totals (hour, label, sums) VALUES (@Hour, @Key, @Sums)";

    public static long HourOf(long timestampUs) => (long)Math.Floor(timestampUs / (double)HourUs);

    /// <summary>Adds new records to the sums of their hours, but for stale hours: they are summed up from all of their records.</summary>
    public static void Add(SqliteConnection connection, IEnumerable<SqliteRow> rows)
    {
        using var get = SqliteSchema.Command(connection, "SELECT sums FROM rollups WHERE hour = @Hour AND labels = @Labels");
        var hourKey = get.Parameters.Add("@Hour", SqliteType.Integer);
        var labelsKey = get.Parameters.Add("@Labels", SqliteType.Blob);
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
                        added.Merge(before);
                    }
                }

                Put(connection, PutRollup, hour.Key, sums.Cells);
            }
            // Damaged sums must not keep records from being written: they are made again from the rows.
            catch (FormatException)
            {
                SetState(connection, hour.Key, Stale);
            }
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
                DELETE FROM totals WHERE hour = @Hour;
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
        using var remove = SqliteSchema.Command(connection, "DELETE FROM rollups WHERE hour = @Hour", ("@Hour", hour));
        remove.ExecuteNonQuery();
        SetState(connection, hour, Open);
        Put(connection, PutRollup, hour, sums.Cells);
        transaction.Commit();
    }

    /// <summary>Closes an hour that will hardly grow any more; false when there is none.</summary>
    public static bool Close(SqliteConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        using var open = SqliteSchema.Command(
            connection, "SELECT MIN(hour) FROM hours WHERE state = 1 AND hour <= (SELECT MAX(hour) FROM hours) - @KeptOpen", ("@KeptOpen", KeptOpen));
        if (open.ExecuteScalar() is not long hour)
        {
            return false;
        }

        var totals = new Dictionary<byte[], StatSums>(BytesComparer.Instance);
        using (var rollups = SqliteSchema.Command(connection, "SELECT labels, sums FROM rollups WHERE hour = @Hour", ("@Hour", hour)))
        using (var reader = rollups.ExecuteReader())
        {
            while (reader.Read())
            {
                var labels = StatLabels.FromBytes(reader.GetFieldValue<byte[]>(0));
                var sums = reader.GetFieldValue<byte[]>(1);
                Into(Total.Of(labels.IsInference)).Merge(sums);
                foreach (var label in Enum.GetValues<StatLabel>())
                {
                    Into(Total.Of(labels.IsInference, label, labels[label])).Merge(sums);
                }
            }
        }

        SetState(connection, hour, Closed);
        Put(connection, PutTotal, hour, totals);
        transaction.Commit();
        return true;

        StatSums Into(byte[] key) => CollectionsMarshal.GetValueRefOrAddDefault(totals, key, out _) ??= new StatSums();
    }

    /// <summary>Sets the state of an hour, whose totals are out of date with that.</summary>
    private static void SetState(SqliteConnection connection, long hour, long state)
    {
        using var command = SqliteSchema.Command(
            connection, "DELETE FROM totals WHERE hour = @Hour; INSERT OR REPLACE INTO hours (hour, state) VALUES (@Hour, @State);", ("@Hour", hour), ("@State", state));
        command.ExecuteNonQuery();
    }

    private static void Put(SqliteConnection connection, string sql, long hour, Dictionary<byte[], StatSums> sums)
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

    /// <summary>The key of a total: whether of inferences, of which label, and its value.</summary>
    public static class Total
    {
        private const byte OfAll = 255;

        public static byte[] Of(bool isInference) => [isInference ? (byte)1 : (byte)0, OfAll];

        public static byte[] Of(bool isInference, StatLabel label, string? value)
        {
            byte[] key = [isInference ? (byte)1 : (byte)0, (byte)label];
            return value is null ? key : [.. key, 0, .. Encoding.UTF8.GetBytes(value)];
        }

        /// <summary>Where a total belongs; null when it is not asked for.</summary>
        public static StatSums? Target(ReadOnlySpan<byte> key, bool? isInference, StatsBuilder builder)
        {
            if (isInference is { } asked && asked != (key[0] != 0))
            {
                return null;
            }

            return key[1] == OfAll ? builder.SumsOfAll : builder.SumsOf((StatLabel)key[1], ValueOf(key));
        }

        /// <summary>The value of the label; null for records without one.</summary>
        public static string? ValueOf(ReadOnlySpan<byte> key) => key.Length == 2 ? null : Encoding.UTF8.GetString(key[3..]);
    }
}
