using System.Collections.Frozen;

namespace OllamaProxy.Domain;

/// <summary>Which family of wire formats an endpoint speaks; decides the reader and the shape of our own error bodies.</summary>
public enum ApiDialect
{
    /// <summary>Ollama's own <c>/api/*</c>, and every unknown path.</summary>
    Native,

    /// <summary><c>/v1/*</c> as OpenAI defines it.</summary>
    OpenAi,

    /// <summary><c>/v1/messages*</c> as Anthropic defines it.</summary>
    Anthropic,
}

/// <summary>
/// Which API was called: a closed set plus <see cref="Other"/>, so that the label made of it stays bounded whatever a client sends.
/// Adding an endpoint is one line in the list below.
/// </summary>
public sealed class ApiEndpoint
{
    private ApiEndpoint(string path, ApiDialect dialect, bool isInference, bool isPrefix = false)
    {
        Path = path;
        Dialect = dialect;
        IsInference = isInference;
        IsPrefix = isPrefix;
        Label = path.StartsWith("/api/", StringComparison.Ordinal) ? path["/api/".Length..] : path.TrimStart('/');
    }

    public static ApiEndpoint Generate { get; } = new("/api/generate", ApiDialect.Native, isInference: true);
    public static ApiEndpoint Chat { get; } = new("/api/chat", ApiDialect.Native, isInference: true);
    public static ApiEndpoint Embed { get; } = new("/api/embed", ApiDialect.Native, isInference: true);
    public static ApiEndpoint Embeddings { get; } = new("/api/embeddings", ApiDialect.Native, isInference: true);
    public static ApiEndpoint OpenAiChat { get; } = new("/v1/chat/completions", ApiDialect.OpenAi, isInference: true);
    public static ApiEndpoint OpenAiCompletions { get; } = new("/v1/completions", ApiDialect.OpenAi, isInference: true);
    public static ApiEndpoint OpenAiEmbeddings { get; } = new("/v1/embeddings", ApiDialect.OpenAi, isInference: true);
    public static ApiEndpoint OpenAiResponses { get; } = new("/v1/responses", ApiDialect.OpenAi, isInference: true);
    public static ApiEndpoint OpenAiTranscriptions { get; } = new("/v1/audio/transcriptions", ApiDialect.OpenAi, isInference: true);
    public static ApiEndpoint AnthropicMessages { get; } = new("/v1/messages", ApiDialect.Anthropic, isInference: true);

    /// <summary>The greeting, by which clients see whether Ollama runs.</summary>
    public static ApiEndpoint Root { get; } = new("/", ApiDialect.Native, isInference: false);

    public static ApiEndpoint Version { get; } = new("/api/version", ApiDialect.Native, isInference: false);

    /// <summary>Everything that is not in the list: unknown paths, and Ollama's own future ones.</summary>
    public static ApiEndpoint Other { get; } = new("other", ApiDialect.Native, isInference: false);

    /// <summary>The closed set, <see cref="Other"/> last.</summary>
    public static IReadOnlyList<ApiEndpoint> All { get; } =
    [
        Generate, Chat, Embed, Embeddings,
        OpenAiChat, OpenAiCompletions, OpenAiEmbeddings, OpenAiResponses, OpenAiTranscriptions, AnthropicMessages,
        Root,
        Version,
        new("/api/status", ApiDialect.Native, isInference: false),
        new("/api/tags", ApiDialect.Native, isInference: false),
        new("/api/ps", ApiDialect.Native, isInference: false),
        new("/api/show", ApiDialect.Native, isInference: false),
        new("/api/pull", ApiDialect.Native, isInference: false),
        new("/api/push", ApiDialect.Native, isInference: false),
        new("/api/create", ApiDialect.Native, isInference: false),
        new("/api/copy", ApiDialect.Native, isInference: false),
        new("/api/delete", ApiDialect.Native, isInference: false),
        new("/api/blobs", ApiDialect.Native, isInference: false, isPrefix: true),
        new("/api/me", ApiDialect.Native, isInference: false),
        new("/api/signout", ApiDialect.Native, isInference: false),
        new("/api/experimental", ApiDialect.Native, isInference: false, isPrefix: true),
        new("/v1/models", ApiDialect.OpenAi, isInference: false, isPrefix: true),
        new("/v1/messages/count_tokens", ApiDialect.Anthropic, isInference: false),
        Other,
    ];

    private static readonly FrozenDictionary<string, ApiEndpoint> s_byPath =
        All.Where(endpoint => endpoint != Other).ToFrozenDictionary(endpoint => endpoint.Path, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, ApiEndpoint> s_byLabel = All.ToFrozenDictionary(endpoint => endpoint.Label, StringComparer.Ordinal);

    private static readonly FrozenDictionary<string, ApiEndpoint>.AlternateLookup<ReadOnlySpan<char>> s_bySpan =
        s_byPath.GetAlternateLookup<ReadOnlySpan<char>>();

    private static readonly ApiEndpoint[] s_prefixes = [.. All.Where(endpoint => endpoint.IsPrefix)];

    /// <summary>The path as Ollama registers it. Ollama compares paths case-sensitively, and so do we.</summary>
    public string Path { get; }

    public ApiDialect Dialect { get; }

    /// <summary>True for the calls that run a model; only these have tokens, a prompt and a place in the queue.</summary>
    public bool IsInference { get; }

    /// <summary>
    /// The value of the <c>endpoint</c> label: the path without its leading slash, and without <c>api/</c>, as the original program had it. The root is
    /// <c>root</c>.
    /// </summary>
    public string Label => field.Length == 0 ? "root" : field;

    private bool IsPrefix { get; }

    /// <summary>Whether a request of this method runs a model. A preflight (OPTIONS), GET and HEAD on the same path run none.</summary>
    public bool RunsModel(string method) => IsInference && method.Equals("POST", StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Finds the endpoint of a request target; a query string is cut off. Ollama decodes the path before it looks (<c>/api/ch%61t</c>), and so do we, or such a
    /// request would run a model without a slot. Never fails: what is unknown is <see cref="Other"/>.
    /// </summary>
    public static ApiEndpoint FromPath(ReadOnlySpan<char> target)
    {
        var end = target.IndexOfAny('?', '#');
        var path = end < 0 ? target : target[..end];
        if (path.Contains('%'))
        {
            path = Uri.UnescapeDataString(path);
        }

        if (s_bySpan.TryGetValue(path, out var endpoint))
        {
            return endpoint;
        }

        foreach (var candidate in s_prefixes)
        {
            if (path.Length > candidate.Path.Length && path[candidate.Path.Length] == '/' && path.StartsWith(candidate.Path, StringComparison.Ordinal))
            {
                return candidate;
            }
        }

        // The proxy's own errors need a shape even for unknown paths.
        return Other;
    }

    /// <summary>The endpoint with this <see cref="Label"/>, or null.</summary>
    public static ApiEndpoint? FromLabel(string? label) => label is null ? null : s_byLabel.GetValueOrDefault(label);

    public override string ToString() => Label;
}
