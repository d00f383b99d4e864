using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The tables of records. Times and durations are whole microseconds, so that ranges and retention compare numbers.</summary>
internal static class SqliteTables
{
    /// <summary>The columns of <c>requests</c> with their types, in the order of a new file. Records of an earlier file get false for a new flag.</summary>
    public static IReadOnlyList<(string Name, string Type)> Requests { get; } =
        [.. RecordFields.All.Select(field => (field.Column, field == RecordFields.Id ? "INTEGER PRIMARY KEY" : TypeOf(field)))];

    /// <summary>Whether a record has a text. The partial index is only used by a query that has the same words.</summary>
    public static string HasText { get; } = string.Join(" OR ", RecordFields.Texts.Select(field => $"{field.Column} IS NOT NULL"));

    /// <summary>A new file.</summary>
    public static string Schema { get; } =
        $"""
        CREATE TABLE requests (
            {string.Join(",\n    ", Requests.Select(column => $"{column.Name} {column.Type}"))}
        ) STRICT;

        -- Newest first and ranges of time (SqliteQueries.Select), the purge, the oldest and the newest of the statistics.
        CREATE INDEX requests_by_time ON requests (timestamp_us);

        -- Newest first of one model (SqliteQueries.Select with a model).
        CREATE INDEX requests_by_model ON requests (model, timestamp_us);

        -- Newest first of one client, and what a person asks to be deleted.
        CREATE INDEX requests_by_client ON requests (client_ip, timestamp_us);

        -- The few that failed, newest first.
        CREATE INDEX requests_unsuccessful ON requests (timestamp_us) WHERE status <> 'success';

        -- The other orders of a search, both ways (SqliteQueries.Page); those whose value may be unknown find the unknown ones here too.
        CREATE INDEX requests_by_latency ON requests (latency_us);
        CREATE INDEX requests_by_first_token ON requests (time_to_first_token_us);
        CREATE INDEX requests_by_input_tokens ON requests (input_tokens);
        CREATE INDEX requests_by_output_tokens ON requests (output_tokens);
        CREATE INDEX requests_by_speed ON requests (tokens_per_second);

        -- Records whose texts retention is to remove (SqliteQueries.OldTexts): without it, each run would read all records whose texts went long ago.
        CREATE INDEX requests_with_text ON requests (timestamp_us)
            WHERE {HasText};

        -- The highest position ever given, kept when its record goes, because none is given twice; and the number of records: to count a million takes long.
        CREATE TABLE positions (last INTEGER NOT NULL, records INTEGER NOT NULL DEFAULT 0) STRICT;
        INSERT INTO positions VALUES (0, 0);

        -- Parts of the text index: part n is the FTS5 table text_n over 8192 positions. A stale part is being rebuilt (up to a position) and not used.
        CREATE TABLE text_parts (
            part INTEGER PRIMARY KEY,
            stale INTEGER NOT NULL,
            indexed_to INTEGER NOT NULL,
            oldest_us INTEGER NOT NULL,
            newest_us INTEGER NOT NULL
        ) STRICT;
        """;

    /// <summary>
    /// Gives the records of faf0d62 the values that are recorded since: whether the answer was a stream, the name of a model without its scheme, the speed of
    /// <see cref="Domain.TokenSpeed"/> (chunks times mean gap is decoding time plus one mean gap), and no inference where the method ran none.
    /// </summary>
    public const string FromVersionFive =
        """
        UPDATE requests SET stream = 1 WHERE time_to_first_token_us IS NOT NULL AND stream IS NOT 1;
        UPDATE requests SET model = replace(substr(model, instr(model, '://') + 3), 'registry.ollama.ai/library/', '') WHERE instr(model, '://') > 0;
        UPDATE requests SET is_inference = 0 WHERE is_inference = 1 AND (upper(method) <> 'POST' OR status_code IS 405);
        UPDATE requests SET speed_estimated = 1, tokens_per_second = output_tokens * 1e6 / (decode_time_us + mean_gap_us)
            WHERE tokens_per_second IS NULL AND eval_duration_us IS NULL AND output_tokens > 0 AND mean_gap_us > 0 AND decode_time_us > 0
            AND output_tokens * 1e6 / (decode_time_us + mean_gap_us) <= 10000
            AND (tool_call_count IS NULL OR output_tokens * mean_gap_us <= 2 * (decode_time_us + mean_gap_us));
        """;

    /// <summary>Removes the sums of files before version 7.</summary>
    public const string DropPackedSums =
        """
        DROP TABLE IF EXISTS rollups;
        DROP TABLE IF EXISTS packs;
        DROP TABLE IF EXISTS client_sums;
        DROP TABLE IF EXISTS hours;
        """;

    private static string TypeOf(RecordField field)
    {
        var type = field.Kind switch { FieldKind.Text => "TEXT", FieldKind.Real => "REAL", _ => "INTEGER" };
        return !field.IsRequired ? type : field.Kind == FieldKind.Flag ? $"{type} NOT NULL DEFAULT 0" : $"{type} NOT NULL";
    }
}
