using OllamaProxy.Domain;

namespace OllamaProxy.Application.Telemetry;

/// <summary>Names of OpenTelemetry's semantic conventions for generative AI.</summary>
internal static class GenAi
{
    public const string OperationName = "gen_ai.operation.name";
    public const string ProviderName = "gen_ai.provider.name";
    public const string RequestModel = "gen_ai.request.model";
    public const string ResponseModel = "gen_ai.response.model";
    public const string TokenType = "gen_ai.token.type";
    public const string ErrorType = "error.type";
    public const string ServerAddress = "server.address";
    public const string ServerPort = "server.port";

    /// <summary>The convention lists no provider for self-hosted models, and allows other names.</summary>
    public const string Provider = "ollama";

    /// <summary>Distinct values of <see cref="Operation"/>.</summary>
    public const int Operations = 4;

    /// <summary><c>chat</c>, <c>text_completion</c> and <c>embeddings</c> are the convention's operations; <c>transcription</c> is ours.</summary>
    public static string Operation(ApiEndpoint endpoint) =>
        endpoint == ApiEndpoint.Generate || endpoint == ApiEndpoint.OpenAiCompletions ? "text_completion"
        : endpoint == ApiEndpoint.Embed || endpoint == ApiEndpoint.Embeddings || endpoint == ApiEndpoint.OpenAiEmbeddings ? "embeddings"
        : endpoint == ApiEndpoint.OpenAiTranscriptions ? "transcription"
        : "chat";
}
