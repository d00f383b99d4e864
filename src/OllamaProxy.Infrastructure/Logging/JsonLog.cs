using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using OllamaProxy.Application.Recording;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>The log for programs: one flat JSON object per line, with the key names of Loki and Vector. Unknown values are omitted.</summary>
public sealed class JsonLog : LogFormat
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    [ThreadStatic]
    private static ArrayBufferWriter<byte>? t_bytes;

    [ThreadStatic]
    private static Utf8JsonWriter? t_json;

    public override void Append(StringBuilder line, in LogItem item)
    {
        ArgumentNullException.ThrowIfNull(line);
        var bytes = t_bytes ??= new ArrayBufferWriter<byte>(1024);
        var json = t_json ??= new Utf8JsonWriter(bytes, s_options);
        bytes.ResetWrittenCount();
        json.Reset(bytes);

        Span<char> time = stackalloc char[32];
        item.Time.UtcDateTime.TryFormat(time, out var length, "yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        json.WriteStartObject();
        json.WriteString("time"u8, time[..length]);
        json.WriteString("level"u8, NameOf(item.Level));
        if (item.Request is { } request)
        {
            Write(json, request);
        }
        else
        {
            Write(json, item);
        }

        json.WriteEndObject();
        json.Flush();
        AppendUtf8(line, bytes.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter json, RequestLine request)
    {
        json.WriteString("msg"u8, "request"u8);
        json.WriteString("method"u8, request.Method);
        Write(json, "path"u8, request.Path);
        json.WriteString("endpoint"u8, request.Endpoint);
        Write(json, "model"u8, request.Model);
        Write(json, "status"u8, request.StatusCode);
        json.WriteString("outcome"u8, request.Outcome);
        Write(json, "error_type"u8, request.ErrorType);
        Write(json, "input_tokens"u8, request.InputTokens);
        Write(json, "cached_input_tokens"u8, request.CachedInputTokens);
        Write(json, "output_tokens"u8, request.OutputTokens);
        Write(json, "tokens_per_second"u8, request.TokensPerSecond);
        Write(json, "duration_ms"u8, request.Duration.TotalMilliseconds);
        Write(json, "time_to_first_token_ms"u8, request.TimeToFirstToken?.TotalMilliseconds);
        Write(json, "queue_ms"u8, request.QueueTime?.TotalMilliseconds);
        Write(json, "load_ms"u8, request.LoadDuration?.TotalMilliseconds);
        Write(json, "application"u8, request.Application);
        Write(json, "client"u8, request.Client);
        json.WriteString("request_id"u8, request.RequestId);
    }

    private static void Write(Utf8JsonWriter json, in LogItem item)
    {
        json.WriteString("msg"u8, OneLine(item.Message));
        json.WriteString("logger"u8, item.Category);
        foreach (var (name, value) in item.Parts ?? [])
        {
            // Skip the template, and a part that is the whole message.
            if (value is null || name.StartsWith('{') || (value is string text && text == item.Message))
            {
                continue;
            }

            var key = JsonNamingPolicy.SnakeCaseLower.ConvertName(name);
            Write(json, key is "time" or "level" or "msg" or "logger" or "error" ? $"{key}_value" : key, value);
        }

        Write(json, "error"u8, item.Exception is { } exception ? OneLine(exception.ToString()) : null);
    }

    private static void Write(Utf8JsonWriter json, string key, object value)
    {
        switch (value)
        {
            case bool truth:
                json.WriteBoolean(key, truth);
                break;
            case int or long or short or byte:
                json.WriteNumber(key, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case double number when double.IsFinite(number):
                json.WriteNumber(key, number);
                break;
            default:
                json.WriteString(key, OneLine(Convert.ToString(value, CultureInfo.InvariantCulture) ?? ""));
                break;
        }
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> key, string? text)
    {
        if (text is not null)
        {
            json.WriteString(key, text);
        }
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> key, int? number)
    {
        if (number is { } known)
        {
            json.WriteNumber(key, known);
        }
    }

    private static void Write(Utf8JsonWriter json, ReadOnlySpan<byte> key, double? number)
    {
        if (number is { } known && double.IsFinite(known))
        {
            json.WriteNumber(key, Math.Round(known, 3));
        }
    }

    private static void AppendUtf8(StringBuilder line, ReadOnlySpan<byte> bytes)
    {
        var characters = ArrayPool<char>.Shared.Rent(bytes.Length);
        line.Append(characters, 0, Encoding.UTF8.GetChars(bytes, characters));
        ArrayPool<char>.Shared.Return(characters);
    }
}
