using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>SQL on records. It is put together from fixed texts; values are always parameters.</summary>
internal static class SqliteQueries
{
    /// <summary>Each of them looked up, where one query for all would read the whole index.</summary>
    public const string Stats =
        "SELECT (SELECT records FROM positions) AS total, (SELECT MIN(timestamp_us) FROM requests) AS oldest, (SELECT MAX(timestamp_us) FROM requests) AS "
            + "newest";

    /// <summary>To be run with everything that adds or removes records.</summary>
    public const string Count = "UPDATE positions SET records = records + @Added";

    /// <summary>The highest position ever given.</summary>
    public const string LastId = "SELECT MAX(last, COALESCE((SELECT MAX(id) FROM requests), 0)) FROM positions";

    public const string Find = Columns + " WHERE id = @Id";

    public const string FindMany = Columns + " WHERE id IN (SELECT value FROM json_each(@Ids))";

    /// <summary>Jumps from one model to the next along the index, instead of reading all of it.</summary>
    public const string Models =
        """
        WITH RECURSIVE models (model) AS (
            SELECT MIN(model) FROM requests
            UNION ALL
            SELECT (SELECT MIN(requests.model) FROM requests WHERE requests.model > models.model) FROM models WHERE models.model IS NOT NULL)
        SELECT model FROM models WHERE model IS NOT NULL
        """;

    /// <summary>The oldest records, a small piece at a time.</summary>
    public const string Oldest = "SELECT id, timestamp_us FROM requests WHERE timestamp_us < @Before ORDER BY timestamp_us LIMIT @Count";

    /// <summary>The oldest records that have a text; the condition is the index's, word for word.</summary>
    public const string OldTexts =
        """
        SELECT id, timestamp_us FROM requests
        WHERE (prompt IS NOT NULL OR system IS NOT NULL OR response IS NOT NULL OR thinking IS NOT NULL OR tool_calls IS NOT NULL) AND timestamp_us < @Before
        ORDER BY timestamp_us LIMIT @Count
        """;

    public const string Delete = "DELETE FROM requests WHERE id IN (SELECT value FROM json_each(@Ids))";

    public const string DeleteTexts =
        "UPDATE requests SET prompt = NULL, system = NULL, response = NULL, thinking = NULL, tool_calls = NULL WHERE id IN (SELECT value FROM json_each(@Ids))";

    private const string Columns =
        """
        SELECT id, request_id, timestamp_us, model, endpoint, method, category, prompt, system, response, thinking, tool_calls, latency_us,
               time_to_first_token_us, time_to_headers_us, mean_gap_us, longest_gap_us, input_tokens, cached_input_tokens, output_tokens,
               tokens_estimated, tokens_per_second, speed_estimated, total_duration_us, load_duration_us, prompt_eval_duration_us, eval_duration_us,
               queue_time_us, connect_time_us, engine_wait_us, decode_time_us, back_pressure_us, prompt_tokens_per_second,
               error_type, truncation, status_code, status, outcome, error, finish_reason, stream, client_ip, user_agent, application, proxy, backend, target,
               max_tokens, keep_alive, tool_call_count, request_bytes, response_bytes,
               message_count, image_count, tool_count, context_length, temperature, is_inference, load_cause
        FROM requests
        """;

    /// <summary>Matching records, newest first.</summary>
    public static string Select(SqliteFilter filter) => $"{Columns} WHERE {filter.Condition()} ORDER BY timestamp_us DESC, id DESC";

    /// <summary>A page of the records whose value of the order is known.</summary>
    public static string Page(SqliteFilter filter, RequestOrder order, bool ascending)
    {
        var column = ColumnOf(order);
        var (than, direction) = ascending ? (">", "ASC") : ("<", "DESC");
        // The first comparison is what the index needs, the second leaves out what stands at the same value before the place.
        var after = filter.AfterId is null ? "" : $" AND {column} {than}= @AfterValue AND ({column} {than} @AfterValue OR id < @AfterId)";
        return $"{Columns} WHERE {filter.Condition()} AND {column} IS NOT NULL{after} ORDER BY {column} {direction}, id DESC LIMIT @Limit";
    }

    /// <summary>A page of the records whose value of the order is unknown: they stand behind all others.</summary>
    public static string PageOfUnknown(SqliteFilter filter, RequestOrder order, bool afterUnknown) =>
        $"{Columns} WHERE {filter.Condition()} AND {ColumnOf(order)} IS NULL{(afterUnknown ? " AND id < @AfterId" : "")} ORDER BY id DESC LIMIT @Limit";

    /// <summary>The places of a page's records among some candidates, known and unknown values alike: candidates are few enough to be sorted.</summary>
    public static string Places(SqliteFilter filter, SqliteCandidates candidates, RequestOrder order, bool ascending)
    {
        var column = ColumnOf(order);
        var (than, direction) = ascending ? (">", "ASC") : ("<", "DESC");
        var after = (filter.AfterId, filter.AfterValue) switch
        {
            (null, _) => "",
            (_, null) => $" AND {column} IS NULL AND id < @AfterId",
            _ => $" AND ({column} IS NULL OR {column} {than} @AfterValue OR ({column} = @AfterValue AND id < @AfterId))",
        };
        return $"SELECT id, {column} FROM {candidates.Table} WHERE {candidates.Condition} AND {filter.Condition()}{after} ORDER BY {column} IS NULL, "
            + $"{column} {direction}, id DESC LIMIT @Limit";
    }

    /// <summary>Positions and times of matching records among some candidates.</summary>
    public static string Keys(SqliteFilter filter, SqliteCandidates candidates) =>
        $"SELECT id, timestamp_us FROM {candidates.Table} WHERE {candidates.Condition} AND {filter.Condition()}";

    /// <summary>
    /// What statistics need of matching records among some candidates, in the order in which <see cref="SqliteSummary.ReadRows"/> reads it. Unknown numbers
    /// are -1: to ask for the type of each takes as long as to read it.
    /// </summary>
    public static string Facts(SqliteFilter filter, SqliteCandidates candidates) =>
        $"""
        SELECT timestamp_us, client_ip, error_type, status, latency_us, COALESCE(time_to_first_token_us, -1), COALESCE(tokens_per_second, -1),
               COALESCE(input_tokens, -1), COALESCE(cached_input_tokens, -1), COALESCE(output_tokens, -1),
               CASE WHEN load_cause IS NOT NULL THEN COALESCE(load_duration_us, 0) ELSE -1 END, {StatLabel.Columns}, truncation IS NOT NULL
        FROM {candidates.Table} WHERE {candidates.Condition} AND {filter.Condition()}
        """;

    /// <summary>Whether a value of the order may be unknown.</summary>
    public static bool MayBeUnknown(RequestOrder order) => order is not (RequestOrder.Time or RequestOrder.Latency);

    private static string ColumnOf(RequestOrder order) => order switch
    {
        RequestOrder.Time => "timestamp_us",
        RequestOrder.Latency => "latency_us",
        RequestOrder.TimeToFirstToken => "time_to_first_token_us",
        RequestOrder.InputTokens => "input_tokens",
        RequestOrder.OutputTokens => "output_tokens",
        RequestOrder.TokensPerSecond => "tokens_per_second",
        _ => throw new ArgumentOutOfRangeException(nameof(order), order, "An order without a column."),
    };
}
