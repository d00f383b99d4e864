using OllamaProxy.Domain;

namespace OllamaProxy.Application.Recording;

/// <summary>Which exchanges are stored. Only the store asks: metrics, and what watches live, see all of them.</summary>
public sealed class TrackingRules(RecordingOptions options)
{
    /// <summary>
    /// What programs ask again and again to see how Ollama is. <c>/api/show</c> is a question too although Ollama takes it as POST only, and
    /// <c>/v1/models</c> is OpenAI's <c>/api/tags</c>.
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
        s_polled.Contains(record.Endpoint) && (record.Method is "GET" or "HEAD" || record is { Endpoint: "show", Method: "POST" });

    private static bool IsEmbedding(string endpoint) =>
        endpoint == ApiEndpoint.Embed.Label || endpoint == ApiEndpoint.Embeddings.Label || endpoint == ApiEndpoint.OpenAiEmbeddings.Label;
}
