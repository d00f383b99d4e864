using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Finds records that may contain a text: an FTS5 index of trigrams without texts and positions, a quarter of the size of one that has them. It returns
/// candidates; <see cref="SqliteFunctions.Contains"/> decides. It consists of parts of <see cref="PartSize"/> positions, because records are never removed from
/// an FTS5 table: with its <c>secure-delete</c> that takes tens of milliseconds for each record, and without it the words stay in the file. Instead the part is
/// dropped, which leaves no trace, and rebuilt from its remaining records. Until then it is stale, and its records are read instead.
/// </summary>
internal static class SqliteTextIndex
{
    private const int PartBits = 13;

    public const int PartSize = 1 << PartBits;

    /// <summary>Records that are indexed in one transaction when a part is rebuilt.</summary>
    private const int Piece = 200;

    /// <summary>More trigrams add nothing, because the index only returns candidates.</summary>
    private const int MaxTrigrams = 5;

    /// <summary>Candidates that one statement reads.</summary>
    private const int Together = 1_000;

    /// <summary>The FTS5 query for candidates that contain all texts; null when no text has the three characters of a trigram.</summary>
    public static string? Match(params ReadOnlySpan<string?> texts)
    {
        List<string> trigrams = [];
        foreach (var text in texts)
        {
            List<Rune> runes = [.. Fold(text ?? "").EnumerateRunes()];
            var count = runes.Count - 2;
            var taken = Math.Min(count, MaxTrigrams);
            for (var index = 0; index < taken; index++)
            {
                var at = taken == 1 ? 0 : index * (count - 1) / (taken - 1);
                trigrams.Add($"{runes[at]}{runes[at + 1]}{runes[at + 2]}".Replace("\"", "\"\"", StringComparison.Ordinal));
            }
        }

        return trigrams.Count == 0 ? null : "\"" + string.Join("\" AND \"", trigrams) + "\"";
    }

    /// <summary>Indexes the texts of new records, except in a stale part, which is rebuilt from all of its records.</summary>
    /// <returns>Whether a part was begun. Then call <see cref="ReleaseMemory"/> after the commit.</returns>
    public static bool Add(SqliteConnection connection, IReadOnlyList<RequestRecord> records, long firstId)
    {
        var hasBegun = false;
        var texts = records.Select((record, index) => (Id: firstId + index, Record: record))
            .Where(row => (row.Record.Prompt ?? row.Record.Response) is not null);
        foreach (var group in texts.GroupBy(row => row.Id >> PartBits))
        {
            using var known = Command(connection, "SELECT stale FROM text_parts WHERE part = @Part", ("@Part", group.Key));
            var stale = known.ExecuteScalar();
            if (stale is null)
            {
                Create(connection, group.Key);
                hasBegun = true;
            }

            using var bounds = Command(
                connection,
                """
                INSERT INTO text_parts (part, stale, indexed_to, oldest_us, newest_us) VALUES (@Part, 0, 0, @Oldest, @Newest)
                ON CONFLICT (part) DO UPDATE SET oldest_us = MIN(oldest_us, @Oldest), newest_us = MAX(newest_us, @Newest)
                """,
                ("@Part", group.Key),
                ("@Oldest", group.Min(row => Micros.Of(row.Record.Timestamp))),
                ("@Newest", group.Max(row => Micros.Of(row.Record.Timestamp))));
            bounds.ExecuteNonQuery();
            if (stale is null or 0L)
            {
                Insert(connection, group.Key, group.Select(row => (row.Id, row.Record.Prompt, row.Record.Response)));
            }
        }

        return hasBegun;
    }

    /// <summary>
    /// Frees the memory of the parts that the connection has written to: FTS5 keeps a hash table of 128 KiB and some statements for each while the schema is
    /// loaded. SQLite reloads the schema when it needs it. No statement may run on the connection.
    /// </summary>
    public static void ReleaseMemory(SqliteConnection connection) => SqliteSchema.Execute(connection, "PRAGMA writable_schema = RESET");

    /// <summary>Drops the parts that hold these positions, and marks them as stale unless they have no records left.</summary>
    public static void Drop(SqliteConnection connection, IEnumerable<long> ids)
    {
        foreach (var part in ids.Select(id => id >> PartBits).Distinct())
        {
            using var drop = Command(connection, $"DROP TABLE IF EXISTS {Table(part)}");
            drop.ExecuteNonQuery();
            using var mark = Command(
                connection,
                $"""
                UPDATE text_parts SET stale = 1, indexed_to = 0 WHERE part = @Part;
                DELETE FROM text_parts WHERE part = @Part AND NOT EXISTS (SELECT 1 FROM requests WHERE {Range(part)});
                """,
                ("@Part", part));
            mark.ExecuteNonQuery();
        }
    }

    /// <summary>Rebuilds a piece of a stale part; false when no part is stale.</summary>
    public static bool MakePiece(SqliteConnection connection)
    {
        using var transaction = connection.BeginTransaction();
        long part, indexedTo;
        using (var stale = Command(connection, "SELECT part, indexed_to FROM text_parts WHERE stale = 1 ORDER BY part DESC LIMIT 1"))
        using (var reader = stale.ExecuteReader())
        {
            if (!reader.Read())
            {
                return false;
            }

            (part, indexedTo) = (reader.GetInt64(0), reader.GetInt64(1));
        }

        if (indexedTo == 0)
        {
            Create(connection, part);
        }

        List<(long Id, string? Prompt, string? Response)> texts = [];
        using (var rows = Command(connection, $"SELECT id, prompt, response FROM requests WHERE {Range(part)} AND id > @After ORDER BY id LIMIT {Piece}",
            ("@After", indexedTo)))
        using (var reader = rows.ExecuteReader())
        {
            while (reader.Read())
            {
                texts.Add((reader.GetInt64(0), reader.IsDBNull(1) ? null : reader.GetString(1), reader.IsDBNull(2) ? null : reader.GetString(2)));
            }
        }

        Insert(connection, part, texts);
        using var mark = Command(
            connection,
            "UPDATE text_parts SET stale = @Stale, indexed_to = @To WHERE part = @Part",
            ("@Stale", texts.Count < Piece ? 0L : 1L),
            ("@To", texts.Count < Piece ? 0L : texts[^1].Id),
            ("@Part", part));
        mark.ExecuteNonQuery();
        transaction.Commit();
        if (texts.Count < Piece)
        {
            ReleaseMemory(connection);
        }

        return true;
    }

    /// <summary>The parts that may have records in the filter's range of time, the newest first.</summary>
    public static List<SqliteTextPart> Parts(SqliteConnection connection, SqliteFilter filter)
    {
        List<SqliteTextPart> parts = [];
        using var command = Command(
            connection,
            "SELECT part, stale, oldest_us, newest_us FROM text_parts WHERE newest_us >= @From AND oldest_us <= @To ORDER BY part DESC",
            ("@From", filter.From ?? long.MinValue),
            ("@To", filter.To ?? long.MaxValue));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            parts.Add(new SqliteTextPart(reader.GetInt64(0), reader.GetInt64(1) == 0, reader.GetInt64(2), reader.GetInt64(3)));
        }

        return parts;
    }

    /// <summary>The candidates of a part that is not stale.</summary>
    public static List<long> Positions(SqliteConnection connection, SqliteFilter filter, SqliteTextPart part)
    {
        List<long> ids = [];
        using var command = Command(connection, $"SELECT rowid FROM {Table(part.Number)} WHERE {Table(part.Number)} MATCH @Match");
        command.Parameters.AddWithValue("@Match", filter.Match);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            ids.Add(reader.GetInt64(0));
        }

        return ids;
    }

    /// <summary>The records of a part that is stale.</summary>
    public static SqliteCandidates Records(SqliteTextPart part) => SqliteCandidates.Between(part.Number << PartBits, (part.Number << PartBits) + PartSize - 1);

    /// <summary>All candidates that may match, each once.</summary>
    public static IEnumerable<SqliteCandidates> Candidates(SqliteConnection connection, SqliteFilter filter)
    {
        if (filter.Match is null)
        {
            yield return SqliteCandidates.All;
            yield break;
        }

        List<long> ids = [];
        foreach (var part in Parts(connection, filter))
        {
            if (!part.Indexed)
            {
                yield return Records(part);
                continue;
            }

            ids.AddRange(Positions(connection, filter, part));
            if (ids.Count >= Together)
            {
                yield return SqliteCandidates.Of(ids);
                ids.Clear();
            }
        }

        if (ids.Count > 0)
        {
            yield return SqliteCandidates.Of(ids);
        }
    }

    /// <summary>
    /// Folds case as the comparison does. FTS5 folds case too, but by another version of Unicode, and stops at U+0000. Texts folded here are equal
    /// whenever the comparison finds them equal.
    /// </summary>
    private static string Fold(string text) => text.ToUpperInvariant().Replace('\0', ' ');

    private static string Table(long part) => string.Create(CultureInfo.InvariantCulture, $"text_{part}");

    private static string Range(long part) =>
        string.Create(CultureInfo.InvariantCulture, $"id BETWEEN {part << PartBits} AND {(part << PartBits) + PartSize - 1}");

    private static void Create(SqliteConnection connection, long part)
    {
        using var command = Command(
            connection,
            $"CREATE VIRTUAL TABLE {Table(part)} USING fts5(prompt, response, tokenize = 'trigram', content = '', columnsize = 0, detail = none)");
        command.ExecuteNonQuery();
    }

    private static void Insert(SqliteConnection connection, long part, IEnumerable<(long Id, string? Prompt, string? Response)> texts)
    {
        using var insert = new SqliteStatement(connection, $"INSERT INTO {Table(part)} (rowid, prompt, response) VALUES (?, ?, ?)");
        foreach (var (id, prompt, response) in texts.Where(text => (text.Prompt ?? text.Response) is not null))
        {
            insert.Bind(id);
            insert.Bind(prompt is null ? null : Fold(prompt));
            insert.Bind(response is null ? null : Fold(response));
            insert.Run();
        }
    }

    private static SqliteCommand Command(SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, long Value)> parameters) =>
        SqliteSchema.Command(connection, sql, parameters);
}

/// <summary>A part of the text index.</summary>
/// <param name="Number">Its number.</param>
/// <param name="Indexed">False while it is stale.</param>
/// <param name="Oldest">No record in it is older.</param>
/// <param name="Newest">No record in it is newer.</param>
internal readonly record struct SqliteTextPart(long Number, bool Indexed, long Oldest, long Newest);
