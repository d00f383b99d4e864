using System.Text.Json.Serialization;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Host.Analytics;

/// <summary>The state of Ollama at the last poll. Null is unknown.</summary>
internal sealed record OllamaJson(
    [property: JsonPropertyName("state")] string State,
    [property: JsonPropertyName("ollama_host")] string OllamaHost,
    [property: JsonPropertyName("is_up")] bool? IsUp,
    [property: JsonPropertyName("problem")] string? Problem,
    [property: JsonPropertyName("checked_at")] DateTimeOffset? CheckedAt,
    [property: JsonPropertyName("process_id")] int? ProcessId,
    [property: JsonPropertyName("version")] string? Version,
    [property: JsonPropertyName("installed_models")] int? InstalledModels,
    [property: JsonPropertyName("installed_bytes")] long? InstalledBytes,
    [property: JsonPropertyName("loaded_bytes")] long? LoadedBytes,
    [property: JsonPropertyName("loaded_vram_bytes")] long? LoadedVramBytes,
    [property: JsonPropertyName("models")] IReadOnlyList<LoadedModelJson>? Models,
    [property: JsonPropertyName("active_requests")] int ActiveRequests,
    [property: JsonPropertyName("waiting_requests")] int WaitingRequests)
{
    public static OllamaJson Of(IOllamaProcessSupervisor ollama, OllamaSnapshot known, (int Active, int Waiting) requests) => new(
        ollama.State.Name(),
        ollama.Backend.ToString().TrimEnd('/'),
        known.IsUp,
        known.Problem,
        known.TakenAt == OllamaSnapshot.Unknown.TakenAt ? null : known.TakenAt,
        ollama.ProcessId,
        known.Version,
        known.InstalledCount,
        known.InstalledSize,
        known.Loaded?.Sum(model => model.Size),
        known.Loaded?.Sum(model => model.VramSize),
        known.Loaded is { } loaded ? [.. loaded.Select(LoadedModelJson.Of)] : null,
        requests.Active,
        requests.Waiting);
}

/// <summary>A model in Ollama's memory.</summary>
internal sealed record LoadedModelJson(
    [property: JsonPropertyName("name")] string Name,
    [property: JsonPropertyName("size_bytes")] long SizeBytes,
    [property: JsonPropertyName("vram_bytes")] long VramBytes,
    [property: JsonPropertyName("context_length")] int? ContextLength,
    [property: JsonPropertyName("expires_at")] DateTimeOffset? ExpiresAt,
    [property: JsonPropertyName("family")] string? Family,
    [property: JsonPropertyName("parameter_size")] string? ParameterSize,
    [property: JsonPropertyName("quantization")] string? Quantization)
{
    public static LoadedModelJson Of(LoadedModel model) =>
        new(model.DisplayName, model.Size, model.VramSize, model.ContextLength, model.ExpiresAt, model.Family, model.ParameterSize, model.Quantization);
}
