using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>A column of a record.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Type">Its type in SQL.</param>
/// <param name="Write">Writes a record's value into the COPY.</param>
internal sealed record PostgresColumn(string Name, string Type, Action<PostgresCopy, RequestRecord> Write)
{
    /// <summary>The columns of <c>requests</c> behind <c>id</c>. <see cref="PostgresRow"/> reads them in this order.</summary>
    public static IReadOnlyList<PostgresColumn> OfRequests { get; } =
    [
        new("time", "timestamptz NOT NULL", static (copy, record) => copy.Add(record.Timestamp)),
        new("request_id", "text NOT NULL", static (copy, record) => copy.Add(record.RequestId)),
        new("model", "text", static (copy, record) => copy.Add(record.Model)),
        new("endpoint", "text NOT NULL", static (copy, record) => copy.Add(record.Endpoint)),
        new("method", "text NOT NULL", static (copy, record) => copy.Add(record.Method)),
        new("category", "text NOT NULL", static (copy, record) => copy.Add(record.Category)),
        new("latency_us", "bigint NOT NULL", static (copy, record) => copy.Add(record.Latency)),
        new("time_to_first_token_us", "bigint", static (copy, record) => copy.Add(record.TimeToFirstToken)),
        new("time_to_headers_us", "bigint", static (copy, record) => copy.Add(record.TimeToHeaders)),
        new("mean_gap_us", "bigint", static (copy, record) => copy.Add(record.MeanGap)),
        new("longest_gap_us", "bigint", static (copy, record) => copy.Add(record.LongestGap)),
        new("input_tokens", "integer", static (copy, record) => copy.Add(record.InputTokens)),
        new("cached_input_tokens", "integer", static (copy, record) => copy.Add(record.CachedInputTokens)),
        new("output_tokens", "integer", static (copy, record) => copy.Add(record.OutputTokens)),
        new("tokens_estimated", "boolean NOT NULL", static (copy, record) => copy.Add(record.TokensEstimated)),
        new("tokens_per_second", "double precision", static (copy, record) => copy.Add(record.TokensPerSecond)),
        new("speed_estimated", "boolean NOT NULL", static (copy, record) => copy.Add(record.SpeedEstimated)),
        new("total_duration_us", "bigint", static (copy, record) => copy.Add(record.TotalDuration)),
        new("load_duration_us", "bigint", static (copy, record) => copy.Add(record.LoadDuration)),
        new("load_cause", "text", static (copy, record) => copy.Add(record.LoadCause)),
        new("prompt_eval_duration_us", "bigint", static (copy, record) => copy.Add(record.PromptEvalDuration)),
        new("eval_duration_us", "bigint", static (copy, record) => copy.Add(record.EvalDuration)),
        new("queue_time_us", "bigint", static (copy, record) => copy.Add(record.QueueTime)),
        new("connect_time_us", "bigint", static (copy, record) => copy.Add(record.ConnectTime)),
        new("engine_wait_us", "bigint", static (copy, record) => copy.Add(record.EngineWait)),
        new("decode_time_us", "bigint", static (copy, record) => copy.Add(record.DecodeTime)),
        new("back_pressure_us", "bigint", static (copy, record) => copy.Add(record.BackPressure)),
        new("prompt_tokens_per_second", "double precision", static (copy, record) => copy.Add(record.PromptTokensPerSecond)),
        new("error_type", "text", static (copy, record) => copy.Add(record.ErrorType)),
        new("truncation", "text", static (copy, record) => copy.Add(record.Truncation)),
        new("status_code", "integer", static (copy, record) => copy.Add(record.StatusCode)),
        new("status", "text NOT NULL", static (copy, record) => copy.Add(record.Status)),
        new("outcome", "text NOT NULL", static (copy, record) => copy.Add(record.Outcome)),
        new("error", "text", static (copy, record) => copy.Add(record.Error)),
        new("finish_reason", "text", static (copy, record) => copy.Add(record.FinishReason)),
        new("stream", "boolean", static (copy, record) => copy.Add(record.Stream)),
        new("client_ip", "text", static (copy, record) => copy.Add(record.ClientIp)),
        new("user_agent", "text", static (copy, record) => copy.Add(record.UserAgent)),
        new("application", "text", static (copy, record) => copy.Add(record.Application)),
        new("target", "text", static (copy, record) => copy.Add(record.Target)),
        new("max_tokens", "integer", static (copy, record) => copy.Add(record.MaxTokens)),
        new("keep_alive", "text", static (copy, record) => copy.Add(record.KeepAlive)),
        new("tool_call_count", "integer", static (copy, record) => copy.Add(record.ToolCallCount)),
        new("request_bytes", "bigint NOT NULL", static (copy, record) => copy.Add(record.RequestBytes)),
        new("response_bytes", "bigint NOT NULL", static (copy, record) => copy.Add(record.ResponseBytes)),
        new("message_count", "integer", static (copy, record) => copy.Add(record.MessageCount)),
        new("image_count", "integer", static (copy, record) => copy.Add(record.ImageCount)),
        new("tool_count", "integer", static (copy, record) => copy.Add(record.ToolCount)),
        new("context_length", "integer", static (copy, record) => copy.Add(record.ContextLength)),
        new("temperature", "double precision", static (copy, record) => copy.Add(record.Temperature)),
        new("is_inference", "smallint NOT NULL", static (copy, record) => copy.AddFlag(record.IsInference)),
        new("proxy", "text", static (copy, record) => copy.Add(record.Proxy)),
        new("backend", "text", static (copy, record) => copy.Add(record.Backend)),
    ];

    /// <summary>The columns of <c>texts</c> behind <c>id</c> and <c>time</c>.</summary>
    public static IReadOnlyList<PostgresColumn> OfTexts { get; } =
    [
        new("prompt", "text", static (copy, record) => copy.Add(record.Prompt)),
        new("system", "text", static (copy, record) => copy.Add(record.System)),
        new("response", "text", static (copy, record) => copy.Add(record.Response)),
        new("thinking", "text", static (copy, record) => copy.Add(record.Thinking)),
        new("tool_calls", "text", static (copy, record) => copy.Add(record.ToolCalls)),
    ];

    /// <summary>The names of columns, separated by commas.</summary>
    public static string Names(IEnumerable<PostgresColumn> columns, string prefix = "") => string.Join(", ", columns.Select(column => prefix + column.Name));

    /// <summary>Their declarations.</summary>
    public static string Declarations(IEnumerable<PostgresColumn> columns) => string.Join(",\n    ", columns.Select(column => $"{column.Name} {column.Type}"));
}
