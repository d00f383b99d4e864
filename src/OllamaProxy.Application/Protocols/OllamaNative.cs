using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>Ollama's own API: JSON, and streams of one JSON object per line.</summary>
internal sealed class OllamaNative : WireProtocol
{
    private static readonly (string Path, int Field, JsonWant Want)[] s_common =
    [
        ("model", RequestField.Model, JsonWant.Value),
        ("name", RequestField.Name, JsonWant.Value),
        ("stream", RequestField.Stream, JsonWant.Value),
        ("options.num_ctx", RequestField.ContextLength, JsonWant.Value),
        ("options.num_keep", RequestField.KeptTokens, JsonWant.Value),
        ("options.num_predict", RequestField.MaxTokens, JsonWant.Value),
        ("options.temperature", RequestField.Temperature, JsonWant.Value),
        ("keep_alive", RequestField.KeepAlive, JsonWant.Value),
    ];

    /// <summary>Ollama ignores <c>prompt</c> in a chat, and <c>messages</c> in a generation. Some clients send both.</summary>
    private static readonly JsonFields s_chat = new([
        .. s_common,
        ("messages[]", RequestField.Message, JsonWant.Value),
        ("messages[].role", RequestField.Role, JsonWant.Value),
        ("messages[].content", RequestField.Content, JsonWant.Value),
        ("messages[].thinking", RequestField.OtherText, JsonWant.Value),
        ("messages[].images[]", RequestField.Image, JsonWant.Presence),
        ("tools[]", RequestField.Tool, JsonWant.Presence),
    ]);

    private static readonly JsonFields s_generate = new([
        .. s_common,
        ("prompt", RequestField.Prompt, JsonWant.Value),
        ("suffix", RequestField.OtherText, JsonWant.Value),
        ("system", RequestField.System, JsonWant.Value),
        ("images[]", RequestField.Image, JsonWant.Presence),
    ]);

    private static readonly JsonFields s_embed = new([
        .. s_common, ("input", RequestField.Input, JsonWant.Value), ("input[]", RequestField.Input, JsonWant.Value)]);

    private static readonly JsonFields s_embeddings = new([.. s_common, ("prompt", RequestField.Prompt, JsonWant.Value)]);

    private static readonly JsonFields s_models = new([.. s_common, ("system", RequestField.System, JsonWant.Value)]);

    public override ApiDialect Dialect => ApiDialect.Native;

    /// <summary>All calls with a JSON body, except blobs, name their model in it.</summary>
    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint, string? contentType) =>
        FieldsOf(endpoint) is { } fields ? new JsonRequestReader(fields) : null;

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) =>
        FieldsOf(endpoint) is not null ? new NativeResponseReader(endpoint, head) : null;

    public override byte[] ErrorBody(int statusCode, string message) =>
        JsonObject.Write(message, static (json, text) => json.WriteString("error", text));

    private static JsonFields? FieldsOf(ApiEndpoint endpoint) => endpoint.Path switch
    {
        "/api/chat" => s_chat,
        "/api/generate" => s_generate,
        "/api/embed" => s_embed,
        "/api/embeddings" => s_embeddings,
        "/api/show" or "/api/pull" or "/api/push" or "/api/create" or "/api/delete" => s_models,
        _ => null,
    };
}
