using Microsoft.Data.Sqlite;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Removes records and texts on the writer's connection, a small piece at a time, and returns the space.</summary>
internal static class SqliteDeletion
{
    /// <summary>Records in one piece.</summary>
    public const int Piece = 500;

    /// <summary>Free pages returned to the file system in one step.</summary>
    private const int Pages = 1_000;

    /// <summary>Removes these records and everything derived from them; returns how many were still there.</summary>
    public static int Remove(SqliteConnection connection, IReadOnlyCollection<(long Id, long TimestampUs)> records, long lastId)
    {
        using var transaction = connection.BeginTransaction();
        using var position = SqliteSchema.Command(connection, "UPDATE positions SET last = @Last", ("@Last", lastId));
        position.ExecuteNonQuery();
        var removed = Run(connection, SqliteQueries.Delete, records);
        using var count = SqliteSchema.Command(connection, SqliteQueries.Count, ("@Added", -removed));
        count.ExecuteNonQuery();
        SqliteTextIndex.Drop(connection, records.Select(record => record.Id));
        SqliteRollups.Drop(connection, records.Select(record => record.TimestampUs));
        transaction.Commit();
        return removed;
    }

    /// <summary>Removes the texts of these records; the records stay, and so do their hours' sums, which have no texts.</summary>
    public static int RemoveTexts(SqliteConnection connection, IReadOnlyCollection<(long Id, long TimestampUs)> records)
    {
        using var transaction = connection.BeginTransaction();
        var removed = Run(connection, SqliteQueries.DeleteTexts, records);
        SqliteTextIndex.Drop(connection, records.Select(record => record.Id));
        transaction.Commit();
        return removed;
    }

    /// <summary>
    /// The next piece of the oldest records, or of the oldest texts (<see cref="SqliteQueries.Oldest"/>, <see cref="SqliteQueries.OldTexts"/>).
    /// </summary>
    public static List<(long Id, long TimestampUs)> Next(SqliteConnection connection, string sql, long before, int count)
    {
        using var command = SqliteSchema.Command(connection, sql, ("@Before", before), ("@Count", count));
        return Keys(command);
    }

    /// <summary>All matching records. Their positions are held in memory: to find them again after each piece would read everything for each.</summary>
    public static List<(long Id, long TimestampUs)> Matching(SqliteConnection connection, RequestFilter matching)
    {
        using var transaction = connection.BeginTransaction(deferred: true);
        List<(long Id, long TimestampUs)> keys = [];
        var filter = new SqliteFilter(matching);
        foreach (var candidates in SqliteTextIndex.Candidates(connection, filter))
        {
            using var command = filter.Command(connection, SqliteQueries.Keys(filter, candidates), candidates);
            keys.AddRange(Keys(command));
        }

        // Sorted, so that a piece touches few parts of the text index and few hours.
        keys.Sort();
        return keys;
    }

    /// <summary>Bytes in use, free pages not counted.</summary>
    public static long Used(SqliteConnection connection) =>
        (SqliteSchema.Scalar(connection, "PRAGMA page_count") - SqliteSchema.Scalar(connection, "PRAGMA freelist_count")) * SqliteSchema.Scalar(connection,
            "PRAGMA page_size");

    /// <summary>Returns some free pages to the file system; false when there are none.</summary>
    public static bool Shrink(SqliteConnection connection)
    {
        if (SqliteSchema.Scalar(connection, "PRAGMA freelist_count") == 0)
        {
            return false;
        }

        SqliteSchema.Execute(connection, $"PRAGMA incremental_vacuum({Pages})");
        return true;
    }

    private static int Run(SqliteConnection connection, string sql, IEnumerable<(long Id, long TimestampUs)> records)
    {
        using var command = SqliteSchema.Command(connection, sql);
        command.Parameters.AddWithValue("@Ids", SqliteIds.Json(records.Select(record => record.Id)));
        return command.ExecuteNonQuery();
    }

    private static List<(long Id, long TimestampUs)> Keys(SqliteCommand command)
    {
        List<(long, long)> keys = [];
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            keys.Add((reader.GetInt64(0), reader.GetInt64(1)));
        }

        return keys;
    }
}
