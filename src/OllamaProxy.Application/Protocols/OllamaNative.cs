using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>Ollama's own API: JSON, and streams of one JSON object a line.</summary>
internal sealed class OllamaNative : WireProtocol
{
    public override ApiDialect Dialect => ApiDialect.Native;

    /// <summary>Every call of this API that carries JSON, blobs excepted, names its model in it.</summary>
    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint) => HasJsonRequest(endpoint) ? new NativeRequestReader() : null;

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) =>
        HasJsonRequest(endpoint) ? new NativeResponseReader(endpoint, head) : null;

    private static bool HasJsonRequest(ApiEndpoint endpoint) =>
        endpoint.Path is "/api/generate" or "/api/chat" or "/api/embed" or "/api/embeddings" or "/api/show" or "/api/pull" or "/api/push" or "/api/create" or "/api/delete";

    public override byte[] ErrorBody(int statusCode, string message) =>
        JsonObject.Write(message, static (json, text) => json.WriteString("error", text));
}
