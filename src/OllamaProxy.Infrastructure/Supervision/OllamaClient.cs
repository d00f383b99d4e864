using System.Text.Json;
using System.Text.Json.Serialization;
using OllamaProxy.Application.Supervision;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The proxy's own questions, over connections of their own: those of the byte path are made for relaying.</summary>
internal sealed class OllamaClient(IOllamaProcessSupervisor ollama) : IOllamaClient, IDisposable
{
    private const string NotOllama = "What answers there is no Ollama: its /api/tags is not a list of models.";
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(5);

    private readonly HttpClient _client = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, ActivityHeadersPropagator = null })
    {
        Timeout = s_timeout,
    };

    public async Task<OllamaAnswer<IReadOnlyList<string>>> ListModelsAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _client.GetAsync(new Uri(ollama.Backend, "/api/tags"), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                return Nothing($"Ollama answered with status {(int)response.StatusCode}.");
            }

            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var tags = await JsonSerializer.DeserializeAsync(body, OllamaJson.Default.Tags, cancellationToken);
            return tags?.Models is { } models ? new OllamaAnswer<IReadOnlyList<string>>([.. models.Select(model => model.Name)], null) : Nothing(NotOllama);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return Nothing($"Ollama did not answer within {s_timeout.TotalSeconds} s.");
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            return Nothing($"No answer from Ollama: {exception.Message}");
        }
        catch (JsonException)
        {
            return Nothing(NotOllama);
        }
    }

    public void Dispose() => _client.Dispose();

    private static OllamaAnswer<IReadOnlyList<string>> Nothing(string problem) => new(null, problem);
}

internal sealed record Tags([property: JsonPropertyName("models"), JsonRequired] IReadOnlyList<TaggedModel>? Models);

internal sealed record TaggedModel([property: JsonPropertyName("name"), JsonRequired] string Name);

[JsonSerializable(typeof(Tags))]
internal sealed partial class OllamaJson : JsonSerializerContext;
