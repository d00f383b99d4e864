using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// The sums of hours that hardly grow any more, moved out of <c>rollups</c> a piece at a time into packs (<see cref="HourPack"/>). Each piece is packed twice, with the
/// clients and without them: clients are what makes combinations of labels many. What comes late stands in <c>rollups</c> beside them until it is packed, too.
/// </summary>
internal static class SqliteHourPacks
{
    /// <summary>So many of the newest hours stay open: requests are recorded when they end, in the hour in which they began.</summary>
    private const long KeptOpen = 2;

    /// <summary>Sums in one pack: at most about a megabyte, and a tenth of a second, which neither hold up the writer nor fill the memory.</summary>
    public const long CellsOfPack = 16_384;

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
            Add(connection, hour, cells);
            if (cells.Count < CellsOfPack)
            {
                SqliteRollups.SetState(connection, hour, SqliteRollups.Closed);
            }
        }
        // Damaged sums are made again from the rows.
        catch (Exception exception) when (exception is FormatException or OverflowException)
        {
            SqliteRollups.MakeStale(connection, hour);
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

    private static void Add(SqliteConnection connection, long hour, List<(byte[] Labels, byte[] Sums)> cells)
    {
        if (cells.Count == 0)
        {
            return;
        }

        List<(StatLabels, StatSums)> all = [];
        var withoutClients = new Dictionary<StatLabels, StatSums>();
        var cell = new StatCell();
        foreach (var (bytes, sums) in cells)
        {
            cell.Read(sums);
            var labels = StatLabels.FromBytes(bytes);
            var own = new StatSums();
            own.Merge(cell);
            all.Add((labels, own));
            (CollectionsMarshal.GetValueRefOrAddDefault(withoutClients, labels with { Client = null }, out _) ??= new StatSums()).Merge(cell);
        }

        var (few, many) = (HourPack.Of(withoutClients.Select(one => (one.Key, one.Value))), HourPack.Of(all));
        using var put = SqliteSchema.Command(
            connection, "INSERT INTO packs (hour, keys, sums, client_keys, client_sums) VALUES (@Hour, @Keys, @Sums, @ClientKeys, @ClientSums)", ("@Hour", hour));
        put.Parameters.AddWithValue("@Keys", few.Keys);
        put.Parameters.AddWithValue("@Sums", few.Sums);
        put.Parameters.AddWithValue("@ClientKeys", many.Keys);
        put.Parameters.AddWithValue("@ClientSums", many.Sums);
        put.ExecuteNonQuery();
    }
}
