using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Which records may contain a text: an FTS5 index of trigrams without texts and without positions, a quarter of the size of one that has them. It gives
/// candidates; <see cref="SqliteFunctions.Contains"/> decides. It consists of parts of <see cref="PartSize"/> positions, because nothing is ever taken out of
/// an FTS5 table: with its <c>secure-delete</c> that takes tens of milliseconds for each record, and without it the words stay in the file. Instead the part is
/// dropped, which leaves no trace, and made again from what is left of its records. Meanwhile it is stale, and its records are read.
/// </summary>
internal static class SqliteTextIndex
{
    private const int PartBits = 13;

    public const int PartSize = 1 << PartBits;

    /// <summary>Records whose texts are put into a part in one transaction when it is made again.</summary>
    private const int Piece = 200;

    /// <summary>More add nothing: the decision is not made here.</summary>
    private const int MaxTrigrams = 5;

    /// <summary>Candidates looked at in one statement.</summary>
    private const int Together = 1_000;

    /// <summary>Candidates that contain all texts, as a question to FTS5; null when none has the three characters that takes.</summary>
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

    /// <summary>Puts the texts of new records in, but for those of a stale part: it is made from all of its records.</summary>
    /// <returns>Whether a part was begun; then <see cref="LetGo"/> is due once this is committed.</returns>
    public static bool Add(SqliteConnection connection, IEnumerable<SqliteRow> rows)
    {
        var hasBegun = false;
        foreach (var group in rows.Where(row => (row.Prompt ?? row.Response) is not null).GroupBy(row => row.Id >> PartBits))
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
                ("@Oldest", group.Min(row => row.TimestampUs)),
                ("@Newest", group.Max(row => row.TimestampUs)));
            bounds.ExecuteNonQuery();
            if (stale is null or 0L)
            {
                Insert(connection, group.Key, group.Select(row => (row.Id, row.Prompt, row.Response)));
            }
        }

        return hasBegun;
    }

    /// <summary>
    /// Frees what the connection keeps of parts it has written to: FTS5 holds a hash table of 128 KiB and some statements for each as long as the schema is
    /// loaded. It is loaded anew when it is needed next. Nothing may run on the connection.
    /// </summary>
    public static void LetGo(SqliteConnection connection) => SqliteSchema.Execute(connection, "PRAGMA writable_schema = RESET");

    /// <summary>Takes away the parts that hold these positions, and marks them as stale unless they have no record any more.</summary>
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

    /// <summary>Makes a piece of a stale part; false when there is none.</summary>
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
            LetGo(connection);
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

    /// <summary>What a part that is not stale says.</summary>
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

    /// <summary>Candidates that together are every record that may match, each only once.</summary>
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
    /// As the comparison without case sees it. FTS5 folds case too, but by another edition of Unicode; and it stops at a zero. What is folded here is equal
    /// there whenever the comparison says so.
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
/// <param name="Number">Which.</param>
/// <param name="Indexed">False while it is stale.</param>
/// <param name="Oldest">No record in it is older.</param>
/// <param name="Newest">No record in it is newer.</param>
internal readonly record struct SqliteTextPart(long Number, bool Indexed, long Oldest, long Newest);
