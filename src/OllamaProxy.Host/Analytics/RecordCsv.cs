using System.Buffers;
using System.Globalization;

namespace OllamaProxy.Host.Analytics;

/// <summary>A record as a line of CSV (RFC 4180), with the columns of <see cref="RecordJson"/>; unknown values are empty.</summary>
internal static class RecordCsv
{
    private static readonly (string Name, Func<RecordJson, string> Value)[] s_columns =
    [
        ("id", static record => Number(record.Id)),
        ("model", static record => Text(record.Model)),
        ("endpoint", static record => Text(record.Endpoint)),
        ("prompt", static record => Text(record.Prompt)),
        ("category", static record => Text(record.Category)),
        ("response", static record => Text(record.Response)),
        ("latency", static record => Number(record.Latency)),
        ("output_tokens", static record => Number(record.OutputTokens)),
        ("tokens_per_second", static record => Number(record.TokensPerSecond)),
        ("input_tokens", static record => Number(record.InputTokens)),
        ("load_duration", static record => Number(record.LoadDuration)),
        ("total_duration", static record => Number(record.TotalDuration)),
        ("status_code", static record => Number(record.StatusCode)),
        ("error", static record => Text(record.Error)),
        ("user_agent", static record => Text(record.UserAgent)),
        ("client_ip", static record => Text(record.ClientIp)),
        ("user", static record => Text(record.User)),
        ("cost", static record => Number(record.Cost)),
        ("status", static record => Text(record.Status)),
        ("queue_time", static record => Number(record.QueueTime)),
        ("time_to_first_token", static record => Number(record.TimeToFirstToken)),
        ("metadata", static record => Text(record.Metadata)),
        ("timestamp", static record => Number(record.Timestamp)),
        ("request_id", static record => Text(record.RequestId)),
        ("outcome", static record => Text(record.Outcome)),
        ("thinking", static record => Text(record.Thinking)),
        ("system", static record => Text(record.System)),
        ("tool_calls", static record => Text(record.ToolCalls)),
        ("finish_reason", static record => Text(record.FinishReason)),
        ("stream", static record => Bool(record.Stream)),
        ("cached_input_tokens", static record => Number(record.CachedInputTokens)),
        ("tokens_estimated", static record => Bool(record.TokensEstimated)),
        ("prompt_eval_duration", static record => Number(record.PromptEvalDuration)),
        ("eval_duration", static record => Number(record.EvalDuration)),
        ("mean_gap", static record => Number(record.MeanGap)),
        ("longest_gap", static record => Number(record.LongestGap)),
        ("time_to_headers", static record => Number(record.TimeToHeaders)),
        ("method", static record => Text(record.Method)),
        ("request_bytes", static record => Number(record.RequestBytes)),
        ("response_bytes", static record => Number(record.ResponseBytes)),
        ("message_count", static record => Number(record.MessageCount)),
        ("image_count", static record => Number(record.ImageCount)),
        ("tool_count", static record => Number(record.ToolCount)),
        ("num_ctx", static record => Number(record.ContextLength)),
        ("temperature", static record => Number(record.Temperature)),
        ("is_inference", static record => Bool(record.IsInference)),
        ("started_at", static record => record.StartedAt.ToString("o", CultureInfo.InvariantCulture)),
        ("connect_time", static record => Number(record.ConnectTime)),
        ("engine_wait", static record => Number(record.EngineWait)),
        ("decode_time", static record => Number(record.DecodeTime)),
        ("client_backpressure", static record => Number(record.BackPressure)),
        ("prompt_tokens_per_second", static record => Number(record.PromptTokensPerSecond)),
        ("error_type", static record => Text(record.ErrorType)),
        ("truncation", static record => Text(record.Truncation)),
        ("load_cause", static record => Text(record.LoadCause)),
        ("application", static record => Text(record.Application)),
        ("target", static record => Text(record.Target)),
        ("max_tokens", static record => Number(record.MaxTokens)),
        ("keep_alive", static record => Text(record.KeepAlive)),
        ("tool_call_count", static record => Number(record.ToolCallCount)),
        ("model_name", static record => Text(record.ModelName)),
        ("tokens_per_second_estimated", static record => Bool(record.SpeedEstimated)),
        ("response_wait", static record => Number(record.ResponseWait)),
        ("proxy", static record => Text(record.Proxy)),
        ("backend", static record => Text(record.Backend)),
    ];

    private static readonly SearchValues<char> s_formulaSigns = SearchValues.Create("=+-@＝＋－＠﹦﹢﹣﹫");

    /// <summary>Blanks, control characters (Cc) and format characters (Cf).</summary>
    private static readonly SearchValues<char> s_invisible = SearchValues.Create(
        [.. Enumerable.Range(0, char.MaxValue + 1).Select(code => (char)code)
            .Where(code => char.IsWhiteSpace(code) || char.IsControl(code) || char.GetUnicodeCategory(code) == UnicodeCategory.Format)]);

    public static string Header { get; } = string.Join(',', s_columns.Select(column => column.Name)) + "\r\n";

    public static string Line(RecordJson record) => string.Join(',', s_columns.Select(column => column.Value(record))) + "\r\n";

    /// <summary>
    /// Quoted as RFC 4180 requires. A text that a spreadsheet may run as a formula gets a leading apostrophe, because prompts come from any client.
    /// </summary>
    internal static string Text(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return "";
        }

        var safe = IsFormula(text) ? "'" + text : text;
        return safe.AsSpan().IndexOfAny(",\"\r\n") >= 0 ? $"\"{safe.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : safe;
    }

    /// <summary>
    /// Whether the first visible character begins a formula. Spreadsheets skip invisible characters before it (blanks of every kind, control and format
    /// characters), and some treat full-width signs as plain ones.
    /// </summary>
    private static bool IsFormula(string text)
    {
        if (text[0] is '\t' or '\r' or '\n')
        {
            return true;
        }

        return text.AsSpan().IndexOfAnyExcept(s_invisible) is >= 0 and var first && s_formulaSigns.Contains(text[first]);
    }

    private static string Number(IFormattable? number) => number?.ToString(null, CultureInfo.InvariantCulture) ?? "";

    private static string Bool(bool? value) => value switch { true => "true", false => "false", null => "" };
}
