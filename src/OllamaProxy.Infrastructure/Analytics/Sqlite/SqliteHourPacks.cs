using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// The sums of hours that hardly grow any more, moved out of <c>rollups</c> a piece at a time: into packs (<see cref="HourPack"/>), which know every combination of
/// labels, and into totals, which know one label each and are few. Both say the same; what comes late stands in <c>rollups</c> beside them until the hour is closed again.
/// </summary>
internal static class SqliteHourPacks
{
    /// <summary>So many of the newest hours stay open: requests are recorded when they end, in the hour in which they began.</summary>
    private const long KeptOpen = 2;

    /// <summary>Sums in one pack: some hundred kilobytes, which neither hold up the writer nor fill the memory.</summary>
    public const long CellsOfPack = 4_096;

    /// <summary>Packs the next piece of an hour that will hardly grow any more; false when there is none.</summary>
    public static bool PackPiece(SqliteConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        using var open = SqliteSchema.Command(
            connection, "SELECT MIN(hour) FROM hours WHERE state = 1 AND hour <= (SELECT MAX(hour) FROM hours) - @KeptOpen", ("@KeptOpen", KeptOpen));
        if (open.ExecuteScalar() is not long hour)
        {
            return false;
        }

        var cells = Take(connection, hour);
        try
        {
            AddTotals(connection, hour, cells);
            AddPack(connection, hour, cells);
            if (cells.Count < CellsOfPack)
            {
                SqliteRollups.SetState(connection, hour, SqliteRollups.Closed);
            }
        }
        // Damaged sums are made again from the rows.
        catch (FormatException)
        {
            SqliteRollups.Forget(connection, hour);
            SqliteRollups.SetState(connection, hour, SqliteRollups.Stale);
        }

        transaction.Commit();
        return true;
    }

    /// <summary>Takes a piece out of <c>rollups</c>.</summary>
    private static List<(byte[] Labels, byte[] Sums)> Take(SqliteConnection connection, long hour)
    {
        List<(byte[] Labels, byte[] Sums)> cells = [];
        using (var select = SqliteSchema.Command(connection, "SELECT labels, sums FROM rollups WHERE hour = @Hour ORDER BY labels LIMIT @Count", ("@Hour", hour), ("@Count", CellsOfPack)))
        using (var reader = select.ExecuteReader())
        {
            while (reader.Read())
            {
                cells.Add((reader.GetFieldValue<byte[]>(0), reader.GetFieldValue<byte[]>(1)));
            }
        }

        if (cells.Count > 0)
        {
            using var remove = SqliteSchema.Command(connection, "DELETE FROM rollups WHERE hour = @Hour AND labels <= @Last", ("@Hour", hour));
            remove.Parameters.AddWithValue("@Last", cells[^1].Labels);
            remove.ExecuteNonQuery();
        }

        return cells;
    }

    private static void AddPack(SqliteConnection connection, long hour, List<(byte[] Labels, byte[] Sums)> cells)
    {
        if (cells.Count > 0)
        {
            using var put = SqliteSchema.Command(connection, "INSERT INTO packs (hour, cells) VALUES (@Hour, @Cells)", ("@Hour", hour));
            put.Parameters.AddWithValue("@Cells", HourPack.Write(cells));
            put.ExecuteNonQuery();
        }
    }

    private static void AddTotals(SqliteConnection connection, long hour, List<(byte[] Labels, byte[] Sums)> cells)
    {
        var totals = new Dictionary<byte[], StatSums>(BytesComparer.Instance);
        var cell = new StatCell();
        foreach (var (bytes, sums) in cells)
        {
            cell.Read(sums);
            var labels = StatLabels.FromBytes(bytes);
            Into(Total.Of(labels.IsInference)).Merge(cell);
            foreach (var label in Enum.GetValues<StatLabel>())
            {
                Into(Total.Of(labels.IsInference, label, labels[label])).Merge(cell);
            }
        }

        using (var before = SqliteSchema.Command(connection, "SELECT label, sums FROM totals WHERE hour = @Hour", ("@Hour", hour)))
        using (var reader = before.ExecuteReader())
        {
            while (reader.Read())
            {
                if (totals.TryGetValue(reader.GetFieldValue<byte[]>(0), out var sums))
                {
                    cell.Read(reader.GetFieldValue<byte[]>(1));
                    sums.Merge(cell);
                }
            }
        }

        SqliteRollups.Put(connection, "INSERT OR REPLACE INTO totals (hour, label, sums) VALUES (@Hour, @Key, @Sums)", hour, totals);

        StatSums Into(byte[] key) => CollectionsMarshal.GetValueRefOrAddDefault(totals, key, out _) ??= new StatSums();
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
