using System.Buffers;
using System.Text;
using System.Text.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>The texts of a record in the convention's JSON shape for messages: redacted and cut, as the record keeps them.</summary>
internal static class SpanMessages
{
    /// <summary><c>gen_ai.input.messages</c>; null when no text is kept.</summary>
    public static string? Input(RequestRecord record) => record.Prompt is { } prompt
        ? Write(json => Message(json, "user", null, parts => Part(parts, "text", prompt)))
        : null;

    /// <summary><c>gen_ai.system_instructions</c>; null without a system prompt.</summary>
    public static string? System(RequestRecord record) => record.System is { } system
        ? Write(json => Part(json, "text", system))
        : null;

    /// <summary><c>gen_ai.output.messages</c>; null when no text is kept.</summary>
    public static string? Output(RequestRecord record) => record is { Response: null, Thinking: null, ToolCalls: null }
        ? null
        : Write(json => Message(json, "assistant", record.FinishReason, parts =>
        {
            if (record.Thinking is { } thinking)
            {
                Part(parts, "reasoning", thinking);
            }

            if (record.Response is { } response)
            {
                Part(parts, "text", response);
            }

            if (record.ToolCalls is { } calls)
            {
                Part(parts, "tool_call", calls);
            }
        }));

    private static string Write(Action<Utf8JsonWriter> elements)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartArray();
            elements(json);
            json.WriteEndArray();
        }

        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Message(Utf8JsonWriter json, string role, string? finishReason, Action<Utf8JsonWriter> parts)
    {
        json.WriteStartObject();
        json.WriteString("role", role);
        json.WriteStartArray("parts");
        parts(json);
        json.WriteEndArray();
        if (finishReason is not null)
        {
            json.WriteString("finish_reason", finishReason);
        }

        json.WriteEndObject();
    }

    private static void Part(Utf8JsonWriter json, string type, string content)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteString("content", content);
        json.WriteEndObject();
    }
}
