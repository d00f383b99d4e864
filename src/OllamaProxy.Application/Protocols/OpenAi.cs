using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.Application.Protocols;

/// <summary>The OpenAI-compatible API: JSON, and streams of server-sent events.</summary>
internal sealed class OpenAi : WireProtocol
{
    private static readonly (string Path, int Field, JsonWant Want)[] s_common =
    [
        ("model", RequestField.Model, JsonWant.Value),
        ("stream", RequestField.Stream, JsonWant.Value),
        ("max_tokens", RequestField.MaxTokens, JsonWant.Value),
        ("temperature", RequestField.Temperature, JsonWant.Value),
    ];

    private static readonly JsonFields s_chat = new([
        .. s_common,
        ("messages[]", RequestField.Message, JsonWant.Value),
        ("messages[].role", RequestField.Role, JsonWant.Value),
        ("messages[].content", RequestField.Content, JsonWant.Value),
        ("messages[].content[].type", RequestField.PartType, JsonWant.Value),
        ("messages[].content[].text", RequestField.Content, JsonWant.Value),
        ("messages[].reasoning", RequestField.OtherText, JsonWant.Value),
        ("tools[]", RequestField.Tool, JsonWant.Presence),
        ("functions[]", RequestField.Tool, JsonWant.Presence),
        ("max_completion_tokens", RequestField.MaxCompletionTokens, JsonWant.Value),
    ]);

    private static readonly JsonFields s_completion = new([
        .. s_common,
        ("prompt", RequestField.Prompt, JsonWant.Value),
        ("prompt[]", RequestField.Input, JsonWant.Value),
        ("suffix", RequestField.OtherText, JsonWant.Value),
    ]);

    private static readonly JsonFields s_embeddings = new([
        .. s_common, ("input", RequestField.Input, JsonWant.Value), ("input[]", RequestField.Input, JsonWant.Value)]);

    private static readonly JsonFields s_responsesRequest = new(
        ("model", RequestField.Model, JsonWant.Value),
        ("instructions", RequestField.System, JsonWant.Value),
        ("input", RequestField.Input, JsonWant.Value),
        ("input[]", RequestField.Message, JsonWant.Value),
        ("input[].role", RequestField.Role, JsonWant.Value),
        ("input[].content", RequestField.Content, JsonWant.Value),
        ("input[].content[].type", RequestField.PartType, JsonWant.Value),
        ("input[].content[].text", RequestField.Content, JsonWant.Value),
        ("input[].output", RequestField.OtherText, JsonWant.Value),
        ("input[].output[].type", RequestField.PartType, JsonWant.Value),
        ("input[].output[].text", RequestField.OtherText, JsonWant.Value),
        ("input[].encrypted_content", RequestField.OtherText, JsonWant.Value),
        ("stream", RequestField.Stream, JsonWant.Value),
        ("tools[]", RequestField.Tool, JsonWant.Value),
        ("tools[].tools[]", RequestField.ToolMember, JsonWant.Presence),
        ("max_output_tokens", RequestField.MaxTokens, JsonWant.Value),
        ("temperature", RequestField.Temperature, JsonWant.Value));

    public override ApiDialect Dialect => ApiDialect.OpenAi;

    public override IRequestReader? CreateRequestReader(ApiEndpoint endpoint, string? contentType) => endpoint.Path switch
    {
        "/v1/chat/completions" => new JsonRequestReader(s_chat),
        "/v1/completions" => new JsonRequestReader(s_completion),
        "/v1/embeddings" => new JsonRequestReader(s_embeddings),
        "/v1/responses" => new JsonRequestReader(s_responsesRequest),
        "/v1/audio/transcriptions" => FormRequestReader.For(contentType),
        _ => null,
    };

    public override IResponseReader? CreateResponseReader(ApiEndpoint endpoint, in ResponseHead head) => endpoint.Path switch
    {
        "/v1/chat/completions" or "/v1/completions" or "/v1/embeddings" => new OpenAiResponseReader(endpoint, head),
        "/v1/responses" => new ResponsesReader(head),
        "/v1/audio/transcriptions" => new TranscriptionReader(head),
        _ => null,
    };

    /// <summary>The types are Ollama's own mapping of statuses (its openai package).</summary>
    public override byte[] ErrorBody(int statusCode, string message) => JsonObject.Write(
        (message, type: statusCode switch { 400 => "invalid_request_error", 404 => "not_found_error", 429 => "rate_limit_error", _ => "api_error" },
            statusCode),
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
