using Microsoft.Data.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Writes rows. For one batch, inside its transaction.</summary>
/// <param name="connection">The writer's. Throws <see cref="SqliteException"/> when the file is of another format.</param>
internal sealed class SqliteInsert(SqliteConnection connection) : IDisposable
{
    private readonly SqliteStatement _statement = new(connection, s_sql);

    /// <summary>Writes a row. Throws <see cref="SqliteException"/> when it cannot: the disk is full, or a value is not what its column takes.</summary>
    public void Write(SqliteRow row)
    {
        foreach (var (_, bind) in s_columns)
        {
            bind(_statement, row);
        }

        _statement.Run();
    }

    public void Dispose() => _statement.Dispose();

    /// <summary>The columns and what is in them, side by side: the statement is made of this table.</summary>
    private static readonly (string Column, Action<SqliteStatement, SqliteRow> Bind)[] s_columns =
    [
        ("id", static (values, row) => values.Bind(row.Id)),
        ("request_id", static (values, row) => values.Bind(row.RequestId)),
        ("timestamp_us", static (values, row) => values.Bind(row.TimestampUs)),
        ("model", static (values, row) => values.Bind(row.Model)),
        ("endpoint", static (values, row) => values.Bind(row.Endpoint)),
        ("method", static (values, row) => values.Bind(row.Method)),
        ("category", static (values, row) => values.Bind(row.Category)),
        ("prompt", static (values, row) => values.Bind(row.Prompt)),
        ("system", static (values, row) => values.Bind(row.System)),
        ("response", static (values, row) => values.Bind(row.Response)),
        ("thinking", static (values, row) => values.Bind(row.Thinking)),
        ("tool_calls", static (values, row) => values.Bind(row.ToolCalls)),
        ("latency_us", static (values, row) => values.Bind(row.LatencyUs)),
        ("time_to_first_token_us", static (values, row) => values.Bind(row.TimeToFirstTokenUs)),
        ("time_to_headers_us", static (values, row) => values.Bind(row.TimeToHeadersUs)),
        ("mean_gap_us", static (values, row) => values.Bind(row.MeanGapUs)),
        ("longest_gap_us", static (values, row) => values.Bind(row.LongestGapUs)),
        ("input_tokens", static (values, row) => values.Bind(row.InputTokens)),
        ("cached_input_tokens", static (values, row) => values.Bind(row.CachedInputTokens)),
        ("output_tokens", static (values, row) => values.Bind(row.OutputTokens)),
        ("tokens_estimated", static (values, row) => values.Bind(row.TokensEstimated)),
        ("tokens_per_second", static (values, row) => values.Bind(row.TokensPerSecond)),
        ("speed_estimated", static (values, row) => values.Bind(row.SpeedEstimated)),
        ("total_duration_us", static (values, row) => values.Bind(row.TotalDurationUs)),
        ("load_duration_us", static (values, row) => values.Bind(row.LoadDurationUs)),
        ("prompt_eval_duration_us", static (values, row) => values.Bind(row.PromptEvalDurationUs)),
        ("eval_duration_us", static (values, row) => values.Bind(row.EvalDurationUs)),
        ("queue_time_us", static (values, row) => values.Bind(row.QueueTimeUs)),
        ("connect_time_us", static (values, row) => values.Bind(row.ConnectTimeUs)),
        ("engine_wait_us", static (values, row) => values.Bind(row.EngineWaitUs)),
        ("decode_time_us", static (values, row) => values.Bind(row.DecodeTimeUs)),
        ("back_pressure_us", static (values, row) => values.Bind(row.BackPressureUs)),
        ("prompt_tokens_per_second", static (values, row) => values.Bind(row.PromptTokensPerSecond)),
        ("error_type", static (values, row) => values.Bind(row.ErrorType)),
        ("truncation", static (values, row) => values.Bind(row.Truncation)),
        ("status_code", static (values, row) => values.Bind(row.StatusCode)),
        ("status", static (values, row) => values.Bind(row.Status)),
        ("outcome", static (values, row) => values.Bind(row.Outcome)),
        ("error", static (values, row) => values.Bind(row.Error)),
        ("finish_reason", static (values, row) => values.Bind(row.FinishReason)),
        ("stream", static (values, row) => values.Bind(row.Stream)),
        ("client_ip", static (values, row) => values.Bind(row.ClientIp)),
        ("user_agent", static (values, row) => values.Bind(row.UserAgent)),
        ("application", static (values, row) => values.Bind(row.Application)),
        ("proxy", static (values, row) => values.Bind(row.Proxy)),
        ("backend", static (values, row) => values.Bind(row.Backend)),
        ("target", static (values, row) => values.Bind(row.Target)),
        ("max_tokens", static (values, row) => values.Bind(row.MaxTokens)),
        ("keep_alive", static (values, row) => values.Bind(row.KeepAlive)),
        ("tool_call_count", static (values, row) => values.Bind(row.ToolCallCount)),
        ("request_bytes", static (values, row) => values.Bind(row.RequestBytes)),
        ("response_bytes", static (values, row) => values.Bind(row.ResponseBytes)),
        ("message_count", static (values, row) => values.Bind(row.MessageCount)),
        ("image_count", static (values, row) => values.Bind(row.ImageCount)),
        ("tool_count", static (values, row) => values.Bind(row.ToolCount)),
        ("context_length", static (values, row) => values.Bind(row.ContextLength)),
        ("temperature", static (values, row) => values.Bind(row.Temperature)),
        ("is_inference", static (values, row) => values.Bind(row.IsInference)),
        ("load_cause", static (values, row) => values.Bind(row.LoadCause)),
    ];

    private static readonly string s_sql =
        $"INSERT INTO requests ({string.Join(", ", s_columns.Select(row => row.Column))}) VALUES "
            + $"({string.Join(", ", Enumerable.Repeat("?", s_columns.Length))})";
}
