using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>Ollama's own API: JSON, and streams of one JSON object a line.</summary>
internal sealed class OllamaNative : WireProtocol
{
    private static readonly JsonFields s_request = new(
        ("model", RequestField.Model, JsonWant.Value),
        ("name", RequestField.Name, JsonWant.Value),
        ("prompt", RequestField.Prompt, JsonWant.Value),
        ("suffix", RequestField.OtherText, JsonWant.Value),
        ("system", RequestField.System, JsonWant.Value),
        ("stream", RequestField.Stream, JsonWant.Value),
        ("messages[]", RequestField.Message, JsonWant.Value),
        ("messages[].role", RequestField.Role, JsonWant.Value),
        ("messages[].content", RequestField.Content, JsonWant.Value),
        ("messages[].thinking", RequestField.OtherText, JsonWant.Value),
        ("messages[].images[]", RequestField.Image, JsonWant.Presence),
        ("images[]", RequestField.Image, JsonWant.Presence),
        ("tools[]", RequestField.Tool, JsonWant.Presence),
        ("input", RequestField.Input, JsonWant.Value),
        ("input[]", RequestField.Input, JsonWant.Value),
        ("options.num_ctx", RequestField.ContextLength, JsonWant.Value),
        ("options.num_keep", RequestField.KeptTokens, JsonWant.Value),
        ("options.num_predict", RequestField.MaxTokens, JsonWant.Value),
        ("options.temperature", RequestField.Temperature, JsonWant.Value),
        ("keep_alive", RequestField.KeepAlive, JsonWant.Value));

    public override ApiDialect Dialect => ApiDialect.Native;

    /// <summary>Every call of this API that carries JSON, blobs excepted, names its model in it.</summary>
    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint, string? contentType) => HasJsonRequest(endpoint) ? new JsonRequestReader(s_request) : null;

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) =>
        HasJsonRequest(endpoint) ? new NativeResponseReader(endpoint, head) : null;

    public override byte[] ErrorBody(int statusCode, string message) =>
        JsonObject.Write(message, static (json, text) => json.WriteString("error", text));

    private static bool HasJsonRequest(ApiEndpoint endpoint) =>
        endpoint.Path is "/api/generate" or "/api/chat" or "/api/embed" or "/api/embeddings" or "/api/show" or "/api/pull" or "/api/push" or "/api/create" or "/api/delete";
}
