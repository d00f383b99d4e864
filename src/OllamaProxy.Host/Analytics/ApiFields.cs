using System.Text.Json.Nodes;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Host.Analytics;

/// <summary>
/// The fields of a record in the API and in its exports. The first 23 are the original program's, in its order; some of them and some others are derived,
/// not stored. A new field of <see cref="RecordFields"/> comes last.
/// </summary>
internal static class ApiFields
{
    private static readonly RecordField s_modelName = RecordField.Text("model_name", static record => record.Model);

    private static readonly RecordField[] s_derived =
    [
        RecordField.Text("user", static _ => null),
        RecordField.Real("cost", static _ => null),
        RecordField.Text("metadata", static _ => null),
        RecordField.BigNumber("timestamp", static record => record.Timestamp.ToUnixTimeSeconds()),
        RecordField.Time("started_at", static record => record.Timestamp),
        s_modelName,
        RecordField.Duration("response_wait", static record => record.ResponseWait),
    ];

    private static readonly string[] s_order =
    [
        "id", "model", "endpoint", "prompt", "category", "response", "latency", "output_tokens", "tokens_per_second", "input_tokens", "load_duration",
        "total_duration", "status_code", "error", "user_agent", "client_ip", "user", "cost", "status", "queue_time", "time_to_first_token", "metadata",
        "timestamp", "request_id", "outcome", "thinking", "system", "tool_calls", "finish_reason", "stream", "cached_input_tokens", "tokens_estimated",
        "prompt_eval_duration", "eval_duration", "mean_gap", "longest_gap", "time_to_headers", "method", "request_bytes", "response_bytes", "message_count",
        "image_count", "tool_count", "num_ctx", "temperature", "is_inference", "started_at", "connect_time", "engine_wait", "decode_time",
        "client_backpressure", "prompt_tokens_per_second", "error_type", "truncation", "load_cause", "application", "target", "max_tokens", "keep_alive",
        "tool_call_count", "model_name", "tokens_per_second_estimated", "response_wait", "proxy", "backend",
    ];

    public static IReadOnlyList<RecordField> All { get; } =
    [
        .. s_derived.Concat(RecordFields.All).DistinctBy(field => field.Name)
            .OrderBy(field => Array.IndexOf(s_order, field.Name) is >= 0 and var place ? place : int.MaxValue),
    ];

    /// <summary>Writes all fields of a record.</summary>
    /// <param name="record">The record.</param>
    /// <param name="models">The display spelling of its model.</param>
    /// <param name="writer">Receives the values.</param>
    public static void Write(RequestRecord record, ModelNames models, IFieldWriter writer)
    {
        foreach (var field in All)
        {
            if (field == s_modelName)
            {
                writer.Text(field, models.DisplayOf(record.Model));
            }
            else
            {
                field.Write(record, writer);
            }
        }
    }

    /// <summary>The JSON schema of a record.</summary>
    public static JsonObject Schema() => new()
    {
        ["title"] = "Record",
        ["type"] = "object",
        ["properties"] = new JsonObject(All.Select(field => KeyValuePair.Create(field.Name, (JsonNode?)SchemaOf(field)))),
        ["required"] = new JsonArray([.. All.Select(field => JsonValue.Create(field.Name))]),
    };

    private static JsonObject SchemaOf(RecordField field)
    {
        var type = field.Kind switch
        {
            FieldKind.Number or FieldKind.BigNumber => "integer",
            FieldKind.Real or FieldKind.Duration => "number",
            FieldKind.Flag => "boolean",
            _ => "string",
        };
        var schema = new JsonObject { ["type"] = field.IsRequired ? type : new JsonArray(type, "null") };
        if (field.Kind == FieldKind.Time)
        {
            schema["format"] = "date-time";
        }

        return schema;
    }
}
