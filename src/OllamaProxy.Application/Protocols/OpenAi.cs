using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The OpenAI-compatible API. So far only its error shape; its bodies pass unread.</summary>
internal sealed class OpenAi : WireProtocol
{
    public override ApiDialect Dialect => ApiDialect.OpenAi;

    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint) => null;

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) => null;

    /// <summary>The type words are Ollama's own mapping of statuses (ollama's openai package).</summary>
    public override byte[] ErrorBody(int statusCode, string message) => JsonObject.Write(
        (message, type: statusCode switch { 400 => "invalid_request_error", 404 => "not_found_error", 429 => "rate_limit_error", _ => "api_error" }, statusCode),
        static (json, error) =>
        {
            json.WriteStartObject("error");
            json.WriteString("message", error.message);
            json.WriteString("type", error.type);
            json.WriteNull("param");
            if (error.statusCode == 429)
            {
                json.WriteString("code", "rate_limit_exceeded");
            }
            else
            {
                json.WriteNull("code");
            }

            json.WriteEndObject();
        });
}
