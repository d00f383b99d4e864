using System.Globalization;

namespace OllamaProxy.Host.Analytics;

/// <summary>A record as a line of CSV (RFC 4180), with the columns of <see cref="RecordJson"/>; what is unknown is empty.</summary>
internal static class RecordCsv
{
    private static readonly string[] s_names =
    [
        "id", "model", "endpoint", "prompt", "category", "response", "latency", "output_tokens", "tokens_per_second", "input_tokens", "load_duration",
        "total_duration", "status_code", "error", "user_agent", "client_ip", "user", "cost", "status", "queue_time", "time_to_first_token", "metadata",
        "timestamp", "request_id", "outcome", "thinking", "system", "tool_calls", "finish_reason", "stream", "cached_input_tokens", "tokens_estimated",
        "prompt_eval_duration", "eval_duration", "mean_gap", "longest_gap", "time_to_headers", "method", "request_bytes", "response_bytes", "message_count",
        "image_count", "tool_count", "num_ctx", "temperature", "is_inference", "started_at",
        "connect_time", "engine_wait", "decode_time", "client_backpressure", "prompt_tokens_per_second", "error_type", "truncation",
        "load_cause",
    ];

    public static string Header { get; } = string.Join(',', s_names) + "\r\n";

    public static string Line(RecordJson record) => string.Join(',', (string[])
    [
        Number(record.Id),
        Text(record.Model),
        Text(record.Endpoint),
        Text(record.Prompt),
        Text(record.Category),
        Text(record.Response),
        Number(record.Latency),
        Number(record.OutputTokens),
        Number(record.TokensPerSecond),
        Number(record.InputTokens),
        Number(record.LoadDuration),
        Number(record.TotalDuration),
        Number(record.StatusCode),
        Text(record.Error),
        Text(record.UserAgent),
        Text(record.ClientIp),
        Text(record.User),
        Number(record.Cost),
        Text(record.Status),
        Number(record.QueueTime),
        Number(record.TimeToFirstToken),
        Text(record.Metadata),
        Number(record.Timestamp),
        Text(record.RequestId),
        Text(record.Outcome),
        Text(record.Thinking),
        Text(record.System),
        Text(record.ToolCalls),
        Text(record.FinishReason),
        Bool(record.Stream),
        Number(record.CachedInputTokens),
        Bool(record.TokensEstimated),
        Number(record.PromptEvalDuration),
        Number(record.EvalDuration),
        Number(record.MeanGap),
        Number(record.LongestGap),
        Number(record.TimeToHeaders),
        Text(record.Method),
        Number(record.RequestBytes),
        Number(record.ResponseBytes),
        Number(record.MessageCount),
        Number(record.ImageCount),
        Number(record.ToolCount),
        Number(record.ContextLength),
        Number(record.Temperature),
        Bool(record.IsInference),
        record.StartedAt.ToString("o", CultureInfo.InvariantCulture),
        Number(record.ConnectTime),
        Number(record.EngineWait),
        Number(record.DecodeTime),
        Number(record.BackPressure),
        Number(record.PromptTokensPerSecond),
        Text(record.ErrorType),
        Text(record.Truncation),
        Text(record.LoadCause),
    ]) + "\r\n";

    /// <summary>
    /// Quoted where RFC 4180 wants it. A text that a spreadsheet would run as a formula gets an apostrophe in front: prompts come from anybody.
    /// </summary>
    internal static string Text(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        var safe = text[0] is '=' or '+' or '-' or '@' or '\t' or '\r' or '\n' ? "'" + text : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }

    private static string Number(IFormattable? number) => number?.ToString(null, CultureInfo.InvariantCulture) ?? "";

    private static string Bool(bool? value) => value switch { true => "true", false => "false", null => "" };
}
