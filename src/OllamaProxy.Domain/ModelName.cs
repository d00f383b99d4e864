namespace OllamaProxy.Domain;

/// <summary>
/// Model names as Ollama reads them. Answers echo the spelling of the request, so <c>FAKE</c>, <c>fake:latest</c>, <c>registry.ollama.ai/library/fake</c> and
/// <c>https://registry.ollama.ai/library/fake</c> are one model. Ollama compares names without case, and shows them with the capitals they were installed with.
/// </summary>
public static class ModelName
{
    /// <summary>Ollama limits each of the four parts to 80 characters. A longer name comes from a request that failed, so it is cut.</summary>
    public const int MaxLength = 350;

    /// <summary>
    /// The identity of a model: <see cref="Shorten"/> in lower case. Records, filters, rollups and loads compare models by it. Null when there is no name.
    /// </summary>
    public static string? Normalize(string? name) => Shorten(name)?.ToLowerInvariant();

    /// <summary>
    /// The name as <c>ollama ps</c> shows it, with the capitals it came with: trimmed, without a scheme, <c>registry.ollama.ai/</c> and <c>library/</c>,
    /// without the <c>:local</c> source suffix, and with <c>:latest</c> when it has no tag. Null when there is no name.
    /// </summary>
    public static string? Shorten(string? name)
    {
        var text = name.AsSpan().Trim();
        if (text.IsEmpty)
        {
            return null;
        }

        if (text.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme)
        {
            text = text[(scheme + "://".Length)..];
        }

        text = text.Length > MaxLength ? TextCut.Beginning(text.ToString(), MaxLength) : text;
        text = Without(Without(text, "registry.ollama.ai/"), "library/");
        if (text.EndsWith(":local", StringComparison.OrdinalIgnoreCase))
        {
            text = text[..^":local".Length];
        }

        return text.IsEmpty ? null
            : !text[(text.LastIndexOf('/') + 1)..].Contains(':') ? $"{text}:latest"
            // Most names are short already, and this runs several times for each request.
            : text.Length == name!.Length ? name
            : text.ToString();
    }

    /// <summary>Whether Ollama passes requests for this canonical name on to its cloud: such a model is never loaded here.</summary>
    public static bool IsCloud(string canonical) =>
        canonical.EndsWith(":cloud", StringComparison.Ordinal) || canonical.EndsWith("-cloud", StringComparison.Ordinal);

    private static ReadOnlySpan<char> Without(ReadOnlySpan<char> text, string prefix) =>
        text.StartsWith(prefix, StringComparison.OrdinalIgnoreCase) ? text[prefix.Length..] : text;
}
