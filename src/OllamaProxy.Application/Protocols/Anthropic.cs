using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The Anthropic-compatible API. So far only its error shape; its bodies pass unread.</summary>
internal sealed class Anthropic : WireProtocol
{
    public override ApiDialect Dialect => ApiDialect.Anthropic;

    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint) => null;

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) => null;

    /// <summary>The type words are Anthropic's (its API reference, "Errors").</summary>
    public override byte[] ErrorBody(int statusCode, string message) => JsonObject.Write(
        (message, type: statusCode switch
        {
            400 => "invalid_request_error",
            401 => "authentication_error",
            403 => "permission_error",
            404 => "not_found_error",
            429 => "rate_limit_error",
            503 or 529 => "overloaded_error",
            _ => "api_error",
        }),
        static (json, error) =>
        {
            json.WriteString("type", "error");
            json.WriteStartObject("error");
            json.WriteString("type", error.type);
            json.WriteString("message", error.message);
            json.WriteEndObject();
            json.WriteString("request_id", $"req_{Guid.CreateVersion7():N}");
        });
}
