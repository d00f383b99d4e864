using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>SQL on records. It is put together from fixed texts; values are always parameters.</summary>
internal static class SqliteQueries
{
    /// <summary>Each value is looked up. One query for all would read the whole index.</summary>
    public const string Stats =
        "SELECT (SELECT records FROM positions) AS total, (SELECT MIN(timestamp_us) FROM requests) AS oldest, (SELECT MAX(timestamp_us) FROM requests) AS "
            + "newest";

    /// <summary>Run with everything that adds or removes records.</summary>
    public const string Count = "UPDATE positions SET records = records + @Added";

    /// <summary>The highest position ever given.</summary>
    public const string LastId = "SELECT MAX(last, COALESCE((SELECT MAX(id) FROM requests), 0)) FROM positions";

    /// <summary>Jumps from one model to the next along the index, instead of reading all of it.</summary>
    public const string Models =
        """
        WITH RECURSIVE models (model) AS (
            SELECT MIN(model) FROM requests
            UNION ALL
            SELECT (SELECT MIN(requests.model) FROM requests WHERE requests.model > models.model) FROM models WHERE models.model IS NOT NULL)
        SELECT model FROM models WHERE model IS NOT NULL
        """;

    /// <summary>The oldest records, a few at a time.</summary>
    public const string Oldest = "SELECT id, timestamp_us FROM requests WHERE timestamp_us < @Before ORDER BY timestamp_us LIMIT @Count";

    public const string Delete = $"DELETE FROM requests {OfIds}";

    private const string OfIds = "WHERE id IN (SELECT value FROM json_each(@Ids))";

    private static readonly string s_select = $"SELECT {SqliteRow.Columns} FROM requests";

    /// <summary>Adds a record: its position, then <see cref="RecordFields.Write"/>.</summary>
    public static string Insert { get; } = $"INSERT INTO requests ({SqliteRow.Columns}) VALUES ({string.Join(", ", RecordFields.All.Select(_ => "?"))})";

    public static string Find { get; } = $"{s_select} WHERE id = @Id";

    public static string FindMany { get; } = $"{s_select} {OfIds}";

    /// <summary>The oldest records that have a text.</summary>
    public static string OldTexts { get; } =
        $"SELECT id, timestamp_us FROM requests WHERE ({SqliteTables.HasText}) AND timestamp_us < @Before ORDER BY timestamp_us LIMIT @Count";

    public static string DeleteTexts { get; } =
        $"UPDATE requests SET {string.Join(", ", RecordFields.Texts.Select(field => $"{field.Column} = NULL"))} {OfIds}";

    /// <summary>Matching records, newest first.</summary>
    public static string Select(SqliteFilter filter) => $"{s_select} WHERE {filter.Condition} ORDER BY timestamp_us DESC, id DESC";

    /// <summary>A page of the records whose value of the order is known.</summary>
    public static string Page(SqliteFilter filter, RequestQuery query, int limit)
    {
        filter.And($"{filter.ColumnOf(query.Order)} IS NOT NULL");
        filter.After(query, hasUnknown: false);
        return $"{s_select} WHERE {filter.Condition} ORDER BY {filter.OrderOf(query, hasUnknown: false)} LIMIT {filter.Parameter(limit)}";
    }

    /// <summary>A page of the records whose value of the order is unknown. They come after all others.</summary>
    public static string PageOfUnknown(SqliteFilter filter, RequestQuery query, int limit)
    {
        filter.And($"{filter.ColumnOf(query.Order)} IS NULL");
        if (query.After is { Value: null })
        {
            filter.After(query, hasUnknown: true);
        }

        return $"{s_select} WHERE {filter.Condition} ORDER BY id DESC LIMIT {filter.Parameter(limit)}";
    }

    /// <summary>The places of a page's records among some candidates, with known and unknown values: candidates are few enough to be sorted.</summary>
    public static string Places(SqliteFilter filter, SqliteCandidates candidates, RequestQuery query)
    {
        filter.After(query, hasUnknown: true);
        return $"SELECT id, {filter.ColumnOf(query.Order)} FROM {candidates.Table} WHERE {candidates.Condition} AND {filter.Condition} "
            + $"ORDER BY {filter.OrderOf(query, hasUnknown: true)} LIMIT {filter.Parameter(query.Limit + 1)}";
    }

    /// <summary>Positions and times of matching records among some candidates.</summary>
    public static string Keys(SqliteFilter filter, SqliteCandidates candidates) =>
        $"SELECT id, timestamp_us FROM {candidates.Table} WHERE {candidates.Condition} AND {filter.Condition}";

    /// <summary>
    /// The values of matching records that statistics need, in the order in which <see cref="SqliteSummary.ReadRows"/> reads them. Unknown numbers are -1: to
    /// ask for the type of each takes as long as to read it.
    /// </summary>
    public static string Facts(SqliteFilter filter, SqliteCandidates candidates) =>
        $"""
        SELECT timestamp_us, client_ip, error_type, status, latency_us, COALESCE(time_to_first_token_us, -1), COALESCE(tokens_per_second, -1),
               COALESCE(input_tokens, -1), COALESCE(cached_input_tokens, -1), COALESCE(output_tokens, -1),
               CASE WHEN load_cause IS NOT NULL THEN COALESCE(load_duration_us, 0) ELSE -1 END, {StatLabel.Columns}, truncation IS NOT NULL
        FROM {candidates.Table} WHERE {candidates.Condition} AND {filter.Condition}
        """;
}
