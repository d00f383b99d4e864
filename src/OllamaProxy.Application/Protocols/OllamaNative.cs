using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>Ollama's own API: JSON, and streams of one JSON object a line.</summary>
internal sealed class OllamaNative : WireProtocol
{
    public override ApiDialect Dialect => ApiDialect.Native;

    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint) => null;

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) => null;

    public override byte[] ErrorBody(int statusCode, string message) =>
        JsonObject.Write(message, static (json, text) => json.WriteString("error", text));
}
