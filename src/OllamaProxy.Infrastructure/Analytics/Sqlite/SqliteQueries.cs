using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>All SQL on records. Filters are put together from fixed texts; values are always parameters.</summary>
internal static class SqliteQueries
{
    public const string Insert =
        """
        INSERT INTO requests (
            request_id, timestamp_us, model, endpoint, method, category, prompt, system, response, thinking, tool_calls, latency_us,
            time_to_first_token_us, time_to_headers_us, mean_gap_us, longest_gap_us, input_tokens, cached_input_tokens, output_tokens,
            tokens_estimated, tokens_per_second, total_duration_us, load_duration_us, prompt_eval_duration_us, eval_duration_us,
            queue_time_us, connect_time_us, engine_wait_us, decode_time_us, back_pressure_us, prompt_tokens_per_second,
            error_type, truncation, status_code, status, outcome, error, finish_reason, stream, client_ip, user_agent, request_bytes, response_bytes,
            message_count, image_count, tool_count, context_length, temperature, is_inference, load_cause)
        VALUES (
            @RequestId, @TimestampUs, @Model, @Endpoint, @Method, @Category, @Prompt, @System, @Response, @Thinking, @ToolCalls, @LatencyUs,
            @TimeToFirstTokenUs, @TimeToHeadersUs, @MeanGapUs, @LongestGapUs, @InputTokens, @CachedInputTokens, @OutputTokens,
            @TokensEstimated, @TokensPerSecond, @TotalDurationUs, @LoadDurationUs, @PromptEvalDurationUs, @EvalDurationUs, @QueueTimeUs,
            @ConnectTimeUs, @EngineWaitUs, @DecodeTimeUs, @BackPressureUs, @PromptTokensPerSecond, @ErrorType, @Truncation,
            @StatusCode, @Status, @Outcome, @Error, @FinishReason, @Stream, @ClientIp, @UserAgent, @RequestBytes, @ResponseBytes,
            @MessageCount, @ImageCount, @ToolCount, @ContextLength, @Temperature, @IsInference, @LoadCause)
        """;

    public const string Stats = "SELECT COUNT(*) AS total, MIN(timestamp_us) AS oldest, MAX(timestamp_us) AS newest FROM requests";

    /// <summary>A small piece at a time, so that the writer is never held up for long.</summary>
    public const string Purge = "DELETE FROM requests WHERE id IN (SELECT id FROM requests WHERE timestamp_us < @Before ORDER BY timestamp_us LIMIT @Count)";

    /// <summary>Gives at most this many free pages back to the file system.</summary>
    public const string Shrink = "PRAGMA incremental_vacuum(4096)";

    public const string Checkpoint = "PRAGMA wal_checkpoint(TRUNCATE)";

    /// <summary>The function behind the text search: SQLite's own LIKE knows the case of ASCII letters only, and has wildcards.</summary>
    public const string ContainsFunction = "contains_text";

    private const string Columns =
        """
        SELECT id, request_id, timestamp_us, model, endpoint, method, category, prompt, system, response, thinking, tool_calls, latency_us,
               time_to_first_token_us, time_to_headers_us, mean_gap_us, longest_gap_us, input_tokens, cached_input_tokens, output_tokens,
               tokens_estimated, tokens_per_second, total_duration_us, load_duration_us, prompt_eval_duration_us, eval_duration_us,
               queue_time_us, connect_time_us, engine_wait_us, decode_time_us, back_pressure_us, prompt_tokens_per_second,
               error_type, truncation, status_code, status, outcome, error, finish_reason, stream, client_ip, user_agent, request_bytes, response_bytes,
               message_count, image_count, tool_count, context_length, temperature, is_inference, load_cause
        FROM requests
        """;

    public static string Select(RequestFilter filter)
    {
        var sql = new StringBuilder(Columns).Append(" WHERE 1 = 1");
        sql.Append(filter.Model is null ? "" : " AND model = @Model");
        sql.Append(filter.From is null ? "" : " AND timestamp_us >= @From");
        sql.Append(filter.To is null ? "" : " AND timestamp_us <= @To");
        sql.Append(filter.PromptSearch is null ? "" : $" AND {ContainsFunction}(prompt, @Search)");
        sql.Append(" ORDER BY timestamp_us DESC, id DESC");
        return sql.ToString();
    }
}
