using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// The sums of hours that hardly grow any more, moved out of <c>rollups</c> a piece at a time into packs (<see cref="HourPack"/>). Each piece is summed up twice, with the
/// clients and without them: clients are what makes combinations of labels many. What comes late stands in <c>rollups</c> beside them until it is packed, too.
/// </summary>
internal static class SqliteHourPacks
{
    /// <summary>So many of the newest hours stay open: requests are recorded when they end, in the hour in which they began.</summary>
    private const long KeptOpen = 2;

    /// <summary>Sums in one pack: at most about a megabyte, and a tenth of a second, which neither hold up the writer nor fill the memory. Not more than <see cref="PlacesOfPack"/>.</summary>
    public const long CellsOfPack = 16_384;

    /// <summary>As many clients, and combinations of other labels, a pack can have. Stored, and in the trigger that removes the sums of clients: never to be changed.</summary>
    public const long PlacesOfPack = 16_384;

    /// <summary>The row of <c>client_sums</c> that belongs to a pack's client.</summary>
    /// <param name="pack">The row of the pack.</param>
    /// <param name="place">The client's place in it, from 1 on.</param>
    public static long IdOfSums(long pack, int place) => (pack * PlacesOfPack) + place - 1;

    /// <summary>The pack that a row of <c>client_sums</c> belongs to.</summary>
    public static long PackOf(long idOfSums) => idOfSums / PlacesOfPack;

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
        catch (Exception exception) when (exception is FormatException or OverflowException or ArgumentOutOfRangeException)
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
        var cell = new StatCell();
        foreach (var (bytes, stored) in cells)
        {
            cell.Read(stored);
            var sums = new StatSums();
            sums.Merge(cell);
            all.Add((StatLabels.FromBytes(bytes), sums));
        }

        var pack = HourPack.Of(all);
        using var put = SqliteSchema.Command(
            connection, "INSERT INTO packs (hour, keys, sums, clients) VALUES (@Hour, @Keys, @Sums, @Clients) RETURNING id", ("@Hour", hour));
        put.Parameters.AddWithValue("@Keys", pack.Keys);
        put.Parameters.AddWithValue("@Sums", pack.Sums);
        put.Parameters.AddWithValue("@Clients", pack.Clients);
        var id = (long)put.ExecuteScalar()!;
        using var putSums = SqliteSchema.Command(connection, "INSERT OR REPLACE INTO client_sums (id, sums) VALUES (@Id, @Sums)");
        var (idOfSums, ofClient) = (putSums.Parameters.Add("@Id", SqliteType.Integer), putSums.Parameters.Add("@Sums", SqliteType.Blob));
        foreach (var (place, sums) in pack.ClientSums.Index())
        {
            (idOfSums.Value, ofClient.Value) = (IdOfSums(id, place + 1), sums);
            putSums.ExecuteNonQuery();
        }
    }
}
