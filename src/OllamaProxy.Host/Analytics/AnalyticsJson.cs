using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OllamaProxy.Host.Analytics;

internal sealed record SearchJson(
    [property: JsonPropertyName("results")] IReadOnlyList<RecordJson> Results,
    [property: JsonPropertyName("count")] int Count,
    [property: JsonPropertyName("next_cursor")] string? NextCursor);

internal sealed record DeletedJson([property: JsonPropertyName("deleted")] long Deleted);

internal sealed record IndexJson([property: JsonPropertyName("endpoints")] IReadOnlyList<string> Endpoints);

internal sealed record ProblemJson(
    [property: JsonPropertyName("title")] string Title,
    [property: JsonPropertyName("status")] int Status,
    [property: JsonPropertyName("detail")] string? Detail = null,
    [property: JsonPropertyName("errors"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyDictionary<string, string[]>? Errors = null);

internal sealed record TestJson(
    [property: JsonPropertyName("status")] string Status,
    [property: JsonPropertyName("ollama_host")] string OllamaHost,
    [property: JsonPropertyName("ollama_reachable")] bool Reachable,
    [property: JsonPropertyName("models"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] IReadOnlyList<string>? Models,
    [property: JsonPropertyName("error"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Error);

internal sealed record HealthJson([property: JsonPropertyName("status")] string Status, [property: JsonPropertyName("store")] StoreJson Store);

/// <param name="State"><c>ok</c>, or <c>degraded</c> while records cannot be stored.</param>
/// <param name="Problem">The reason.</param>
/// <param name="Since">When that began.</param>
/// <param name="WaitingRecords">Records in memory.</param>
internal sealed record StoreJson(
    [property: JsonPropertyName("state")] string State,
    [property: JsonPropertyName("problem"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] string? Problem = null,
    [property: JsonPropertyName("since"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] DateTimeOffset? Since = null,
    [property: JsonPropertyName("waiting_records"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] int? WaitingRecords = null)
{
    public static StoreJson Ok { get; } = new("ok");
}

[JsonSerializable(typeof(SearchJson))]
[JsonSerializable(typeof(RecordJson))]
[JsonSerializable(typeof(RecordJson[]))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(StatsJson))]
[JsonSerializable(typeof(EnhancedStatsJson))]
[JsonSerializable(typeof(DeletedJson))]
[JsonSerializable(typeof(IndexJson))]
[JsonSerializable(typeof(ProblemJson))]
[JsonSerializable(typeof(TestJson))]
[JsonSerializable(typeof(HealthJson))]
[JsonSerializable(typeof(OllamaJson))]
[JsonSerializable(typeof(RunningJson))]
[JsonSerializable(typeof(MissedJson))]
internal sealed partial class AnalyticsJson : JsonSerializerContext
{
    /// <summary>Text without HTML escapes, because the responses are never part of a page.</summary>
    public static AnalyticsJson Relaxed { get; } = new(new JsonSerializerOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
}
