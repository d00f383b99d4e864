using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>Decides which exchanges are stored. Metrics and live events include all of them.</summary>
public sealed class TrackingRules(RecordingOptions options)
{
    /// <summary>
    /// Endpoints that programs poll to check Ollama's state. <c>/api/show</c> is a query too, although Ollama accepts only POST for it, and <c>/v1/models</c>
    /// is OpenAI's <c>/api/tags</c>.
    /// </summary>
    private static readonly HashSet<string> s_polled = ["root", "version", "status", "tags", "ps", "show", "v1/models"];

    public bool Stores(RequestRecord record) =>
        (options.TrackEmbeddings || !IsEmbedding(record.Endpoint)) && options.Track switch
        {
            TrackMode.All => true,
            TrackMode.Work => !IsPolling(record),
            TrackMode.Inference => record.IsInference,
            _ => throw new ArgumentOutOfRangeException(nameof(record), options.Track, "A mode without a rule."),
        };

    private static bool IsPolling(RequestRecord record) =>
        s_polled.Contains(record.Endpoint.Label) && (record.Method is "GET" or "HEAD" || record is { Endpoint.Label: "show", Method: "POST" });

    private static bool IsEmbedding(ApiEndpoint endpoint) =>
        endpoint == ApiEndpoint.Embed || endpoint == ApiEndpoint.Embeddings || endpoint == ApiEndpoint.OpenAiEmbeddings;
}
