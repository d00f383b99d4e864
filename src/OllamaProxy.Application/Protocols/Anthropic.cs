using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The Anthropic-compatible API: JSON, and streams of server-sent events.</summary>
internal sealed class Anthropic : WireProtocol
{
    private static readonly JsonFields s_request = new(
        ("model", RequestField.Model, JsonWant.Value),
        ("system", RequestField.System, JsonWant.Value),
        ("system[].text", RequestField.System, JsonWant.Value),
        ("messages[]", RequestField.Message, JsonWant.Value),
        ("messages[].role", RequestField.Role, JsonWant.Value),
        ("messages[].content", RequestField.Content, JsonWant.Value),
        ("messages[].content[].type", RequestField.PartType, JsonWant.Value),
        ("messages[].content[].text", RequestField.Content, JsonWant.Value),
        ("messages[].content[].thinking", RequestField.OtherText, JsonWant.Value),
        ("messages[].content[].content", RequestField.OtherText, JsonWant.Value),
        ("messages[].content[].content[].type", RequestField.PartType, JsonWant.Value),
        ("messages[].content[].content[].text", RequestField.OtherText, JsonWant.Value),
        ("stream", RequestField.Stream, JsonWant.Value),
        ("tools[]", RequestField.Tool, JsonWant.Presence),
        ("max_tokens", RequestField.MaxTokens, JsonWant.Value),
        ("temperature", RequestField.Temperature, JsonWant.Value));

    public override ApiDialect Dialect => ApiDialect.Anthropic;

    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint, string? contentType) =>
        endpoint == ApiEndpoint.AnthropicMessages ? new JsonRequestReader(s_request) : null;

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) =>
        endpoint == ApiEndpoint.AnthropicMessages ? new AnthropicResponseReader(head) : null;

    /// <summary>The types are Anthropic's (API reference, "Errors").</summary>
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
