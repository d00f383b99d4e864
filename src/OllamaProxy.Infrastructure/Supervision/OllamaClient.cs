using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The proxy's own requests, over their own connections: those of the byte path are specialized for relaying.</summary>
internal sealed class OllamaClient(IOllamaProcessSupervisor ollama) : IOllamaClient, IDisposable
{
    /// <summary>Unloading a model can delay a list by seconds.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    /// <summary>A scrape times out after 10 s, and must not lose the proxy's own metrics when Ollama is slow.</summary>
    private static readonly TimeSpan s_metricsTimeout = TimeSpan.FromSeconds(2);

    /// <summary>A model that is never unloaded expires in about 292 years, the longest Go duration.</summary>
    private const int NeverFromYear = 2200;

    private readonly HttpClient _client = new(
        new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null })
    {
        Timeout = s_timeout,
        MaxResponseContentBufferSize = 16 * 1024 * 1024,
    };

    public Task<OllamaAnswer<IReadOnlyList<InstalledModel>>> ListModelsAsync(CancellationToken cancellationToken) =>
        AskAsync<Tags, IReadOnlyList<InstalledModel>>(
            "/api/tags", OllamaJson.Default.Tags, static tags =>
                [.. from model in tags.Models ?? [] let name = model.Name
                    ?? model.Model where name is not null select new InstalledModel(name, model.Size ?? 0)], cancellationToken);

    public Task<OllamaAnswer<IReadOnlyList<LoadedModel>>> ListLoadedModelsAsync(CancellationToken cancellationToken) =>
        AskAsync<Running,
            IReadOnlyList<LoadedModel>>("/api/ps", OllamaJson.Default.Running, static running => [.. (running.Models ?? []).Select(Loaded)], cancellationToken);

    public Task<OllamaAnswer<string>> VersionAsync(CancellationToken cancellationToken) =>
        AskAsync("/api/version", OllamaJson.Default.VersionAnswer, answer => answer.Version, cancellationToken);

    public async Task<OllamaAnswer<string>> MetricsAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(s_metricsTimeout);
        try
        {
            using var response = await _client.GetAsync(ollama.Backend.At("/metrics"), limit.Token);
            return response.IsSuccessStatusCode && response.Content.Headers.ContentType?.MediaType == "text/plain"
                ? new(await response.Content.ReadAsStringAsync(limit.Token), null)
                : new(null, $"Ollama has no /metrics: it answered with status {(int)response.StatusCode}.");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(null, $"Ollama did not answer within {s_metricsTimeout.TotalSeconds} s.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or InvalidOperationException)
        {
            return new(null, $"No answer from Ollama: {exception.Reason()}");
        }
    }

    public void Dispose() => _client.Dispose();

    private static LoadedModel Loaded(RunningModel model) => new(ModelName.Normalize(model.Name ?? model.Model) ?? "")
    {
        DisplayName = ModelName.Shorten(model.Name ?? model.Model) ?? "",
        Size = model.Size ?? 0,
        VramSize = model.VramSize ?? 0,
        ContextLength = model.ContextLength,
        ExpiresAt = DateTimeOffset.TryParse(model.ExpiresAt, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
            && at.Year < NeverFromYear ? at.ToUniversalTime() : null,
        Family = model.Details?.Family,
        ParameterSize = model.Details?.ParameterSize,
        Quantization = model.Details?.Quantization,
    };

    private async Task<OllamaAnswer<TAnswer>> AskAsync<TJson,
        TAnswer>(string path, JsonTypeInfo<TJson> type, Func<TJson, TAnswer?> read, CancellationToken cancellationToken)
        where TJson : class
        where TAnswer : class
    {
        try
        {
            // Buffer the whole response, so the timeout covers the body too.
            using var response = await _client.GetAsync(ollama.Backend.At(path), cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                return new(null, $"Ollama answered with status {(int)response.StatusCode}.");
            }

            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var json = await JsonSerializer.DeserializeAsync(body, type, cancellationToken);
            var answer = json is null ? null : read(json);
            return new(answer, answer is null ? NotOllama(path) : null);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return new(null, $"Ollama did not answer within {s_timeout.TotalSeconds} s.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            var isUnreachable = exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError };
            return new(null, $"No answer from Ollama: {exception.Reason()}") { IsUnreachable = isUnreachable };
        }
        catch (JsonException)
        {
            return new(null, NotOllama(path));
        }
    }

    private static string NotOllama(string path) =>
        $"This server is not Ollama: its {path} is not {(path == "/api/version" ? "a version" : "a list of models")}.";
}

/// <summary>Ollama before 0.1.38, and programs that imitate it, send null for an empty list or omit the key.</summary>
internal sealed record Tags([property: JsonPropertyName("models")] IReadOnlyList<TaggedModel>? Models);

internal sealed record TaggedModel(
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("model")] string? Model,
    [property: JsonPropertyName("size")] long? Size);

internal sealed record Running([property: JsonPropertyName("models")] IReadOnlyList<RunningModel>? Models);

internal sealed record RunningModel(
    [property: JsonPropertyName("name")] string? Name,
    [property: JsonPropertyName("model")] string? Model,
    [property: JsonPropertyName("size")] long? Size,
    [property: JsonPropertyName("size_vram")] long? VramSize,
    [property: JsonPropertyName("context_length")] int? ContextLength,
    [property: JsonPropertyName("expires_at")] string? ExpiresAt,
    [property: JsonPropertyName("details")] RunningModelDetails? Details);

internal sealed record RunningModelDetails(
    [property: JsonPropertyName("family")] string? Family,
    [property: JsonPropertyName("parameter_size")] string? ParameterSize,
    [property: JsonPropertyName("quantization_level")] string? Quantization);

internal sealed record VersionAnswer([property: JsonPropertyName("version"), JsonRequired] string? Version);

[JsonSerializable(typeof(Tags))]
[JsonSerializable(typeof(Running))]
[JsonSerializable(typeof(VersionAnswer))]
internal sealed partial class OllamaJson : JsonSerializerContext;
