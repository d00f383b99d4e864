using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using OllamaProxy.Domain;
using Field = OllamaProxy.Infrastructure.Analytics.Jsonl.JsonlField;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>
/// A record as a line: one JSON object with the keys and units of the API (seconds; Unix seconds for the timestamp), so that what reads the API reads the
/// files. Times are decimal fractions of whole microseconds, which every field survives exactly. What is unknown is left out; keys that are not known are
/// skipped when reading.
/// </summary>
internal static class JsonlFormat
{
    private const decimal MicrosPerSecond = 1_000_000;

    private static readonly string[] s_names =
    [
        "id", "timestamp", "request_id", "model", "endpoint", "method", "category", "status", "outcome", "status_code", "is_inference", "stream", "latency",
        "time_to_first_token", "time_to_headers", "mean_gap", "longest_gap", "input_tokens", "cached_input_tokens", "output_tokens", "tokens_estimated",
        "tokens_per_second", "tokens_per_second_estimated",
        "prompt_tokens_per_second", "total_duration", "load_duration", "load_cause", "prompt_eval_duration", "eval_duration",
        "queue_time", "connect_time", "engine_wait", "decode_time", "client_backpressure", "finish_reason", "error_type", "error", "truncation", "client_ip",
        "application", "proxy", "backend", "user_agent", "target", "request_bytes", "response_bytes", "message_count", "image_count", "tool_count",
        "tool_call_count", "num_ctx",
        "max_tokens", "temperature", "keep_alive", "prompt", "system", "response", "thinking", "tool_calls",
    ];

    private static readonly JsonEncodedText[] s_keys = [.. s_names.Select(name => JsonEncodedText.Encode(name))];

    /// <summary>How every line begins.</summary>
    public static ReadOnlySpan<byte> Beginning => "{\"id\":"u8;

    public static int FieldCount => s_names.Length;

    public static long Micros(DateTimeOffset instant) => (instant.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond;

    public static DateTimeOffset Instant(long micros) => DateTimeOffset.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond);

    public static long Micros(TimeSpan duration) => duration.Ticks / TimeSpan.TicksPerMicrosecond;

    /// <summary>For the lower end of a range.</summary>
    public static long MicrosUp(TimeSpan duration) => Micros(duration) + (duration.Ticks % TimeSpan.TicksPerMicrosecond > 0 ? 1 : 0);

    public static TimeSpan Duration(long micros) => TimeSpan.FromTicks(micros * TimeSpan.TicksPerMicrosecond);

    public static ReadOnlySpan<byte> Key(int field) => s_keys[field].EncodedUtf8Bytes;

    /// <summary>Texts as they are, not as escapes: people search these files with grep.</summary>
    public static Utf8JsonWriter CreateWriter(IBufferWriter<byte> output) =>
        new(output, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true });

    public static bool HasText(RequestRecord record) => (record.Prompt ?? record.System ?? record.Response ?? record.Thinking ?? record.ToolCalls) is not null;

    public static RequestRecord WithoutText(RequestRecord record) =>
        record with { Prompt = null, System = null, Response = null, Thinking = null, ToolCalls = null };

    /// <summary>Writes a line with its end. Throws <see cref="ArgumentException"/> on a record without what it must have, before anything is on disk.</summary>
    public static void Write(Utf8JsonWriter json, IBufferWriter<byte> output, RequestRecord record, long id)
    {
        json.Reset();
        json.WriteStartObject();
        json.WriteNumber(s_keys[(int)Field.Id], id);
        json.WriteNumber(s_keys[(int)Field.Timestamp], Micros(record.Timestamp) / MicrosPerSecond);
        Must(json, Field.RequestId, record.RequestId);
        Text(json, Field.Model, record.Model);
        Must(json, Field.Endpoint, record.Endpoint);
        Must(json, Field.Method, record.Method);
        Must(json, Field.Category, record.Category);
        Must(json, Field.Status, record.Status);
        Must(json, Field.Outcome, record.Outcome);
        Number(json, Field.StatusCode, record.StatusCode);
        json.WriteBoolean(s_keys[(int)Field.IsInference], record.IsInference);
        Flag(json, Field.Stream, record.Stream);
        WriteTimes(json, record);
        WriteRest(json, record);
        Text(json, Field.Prompt, record.Prompt);
        Text(json, Field.System, record.System);
        Text(json, Field.Response, record.Response);
        Text(json, Field.Thinking, record.Thinking);
        Text(json, Field.ToolCalls, record.ToolCalls);
        json.WriteEndObject();
        json.Flush();
        output.Write("\n"u8);
    }

    private static void WriteTimes(Utf8JsonWriter json, RequestRecord record)
    {
        Seconds(json, Field.Latency, record.Latency);
        Seconds(json, Field.TimeToFirstToken, record.TimeToFirstToken);
        Seconds(json, Field.TimeToHeaders, record.TimeToHeaders);
        Seconds(json, Field.MeanGap, record.MeanGap);
        Seconds(json, Field.LongestGap, record.LongestGap);
        Number(json, Field.InputTokens, record.InputTokens);
        Number(json, Field.CachedInputTokens, record.CachedInputTokens);
        Number(json, Field.OutputTokens, record.OutputTokens);
        Flag(json, Field.TokensEstimated, record.TokensEstimated ? true : null);
        Number(json, Field.TokensPerSecond, record.TokensPerSecond);
        Flag(json, Field.SpeedEstimated, record.SpeedEstimated ? true : null);
        Number(json, Field.PromptTokensPerSecond, record.PromptTokensPerSecond);
        Seconds(json, Field.TotalDuration, record.TotalDuration);
        Seconds(json, Field.LoadDuration, record.LoadDuration);
        Text(json, Field.LoadCause, record.LoadCause);
        Seconds(json, Field.PromptEvalDuration, record.PromptEvalDuration);
        Seconds(json, Field.EvalDuration, record.EvalDuration);
        Seconds(json, Field.QueueTime, record.QueueTime);
        Seconds(json, Field.ConnectTime, record.ConnectTime);
        Seconds(json, Field.EngineWait, record.EngineWait);
        Seconds(json, Field.DecodeTime, record.DecodeTime);
        Seconds(json, Field.BackPressure, record.BackPressure);
    }

    private static void WriteRest(Utf8JsonWriter json, RequestRecord record)
    {
        Text(json, Field.FinishReason, record.FinishReason);
        Text(json, Field.ErrorType, record.ErrorType);
        Text(json, Field.Error, record.Error);
        Text(json, Field.Truncation, record.Truncation);
        Text(json, Field.ClientIp, record.ClientIp);
        Text(json, Field.Application, record.Application);
        Text(json, Field.Proxy, record.Proxy);
        Text(json, Field.Backend, record.Backend);
        Text(json, Field.UserAgent, record.UserAgent);
        Text(json, Field.Target, record.Target);
        json.WriteNumber(s_keys[(int)Field.RequestBytes], record.RequestBytes);
        json.WriteNumber(s_keys[(int)Field.ResponseBytes], record.ResponseBytes);
        Number(json, Field.MessageCount, record.MessageCount);
        Number(json, Field.ImageCount, record.ImageCount);
        Number(json, Field.ToolCount, record.ToolCount);
        Number(json, Field.ToolCallCount, record.ToolCallCount);
        Number(json, Field.ContextLength, record.ContextLength);
        Number(json, Field.MaxTokens, record.MaxTokens);
        Number(json, Field.Temperature, record.Temperature);
        Text(json, Field.KeepAlive, record.KeepAlive);
    }

    private static void Must(Utf8JsonWriter json, Field field, string text)
    {
        ArgumentNullException.ThrowIfNull(text, s_names[(int)field]);
        json.WriteString(s_keys[(int)field], text);
    }

    private static void Text(Utf8JsonWriter json, Field field, string? text)
    {
        if (text is not null)
        {
            json.WriteString(s_keys[(int)field], text);
        }
    }

    private static void Flag(Utf8JsonWriter json, Field field, bool? flag)
    {
        if (flag is { } value)
        {
            json.WriteBoolean(s_keys[(int)field], value);
        }
    }

    private static void Number(Utf8JsonWriter json, Field field, int? number)
    {
        if (number is { } value)
        {
            json.WriteNumber(s_keys[(int)field], value);
        }
    }

    /// <summary>JSON has no word for what is not finite: unknown, as in SQLite.</summary>
    private static void Number(Utf8JsonWriter json, Field field, double? number)
    {
        if (number is { } value && double.IsFinite(value))
        {
            json.WriteNumber(s_keys[(int)field], value);
        }
    }

    private static void Seconds(Utf8JsonWriter json, Field field, TimeSpan? duration)
    {
        if (duration is { } value)
        {
            json.WriteNumber(s_keys[(int)field], Micros(value) / MicrosPerSecond);
        }
    }
}
