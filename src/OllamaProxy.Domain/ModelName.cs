namespace OllamaProxy.Domain;

/// <summary>
/// Model names as Ollama means them. Answers echo the request's spelling, so <c>FAKE</c>, <c>fake:latest</c> and
/// <c>registry.ollama.ai/library/fake</c> are one model; <c>/api/ps</c> shows the short form, and so do we.
/// </summary>
public static class ModelName
{
    /// <summary>Longer names are no model's: Ollama limits each of the four parts to 80 characters. Cut here, as 404 names are free text.</summary>
    public const int MaxLength = 350;

    /// <summary>
    /// Canonical form: trimmed, lower case, without <c>registry.ollama.ai/</c> and <c>library/</c>, without the <c>:local</c> source suffix, with <c>:latest</c> when no tag is given.
    /// Null when there is no name.
    /// </summary>
    public static string? Normalize(string? name)
    {
        var text = name.AsSpan().Trim();
        if (text.IsEmpty)
        {
            return null;
        }

        if (text.Length > MaxLength)
        {
            text = text[..MaxLength];
        }

        var canonical = text.ToString().ToLowerInvariant();
        canonical = Without(Without(canonical, "registry.ollama.ai/"), "library/");
        if (canonical.EndsWith(":local", StringComparison.Ordinal))
        {
            canonical = canonical[..^":local".Length];
        }

        var lastSegment = canonical.AsSpan(canonical.LastIndexOf('/') + 1);
        return lastSegment.Contains(':') ? canonical : canonical + ":latest";
    }

    /// <summary>Whether Ollama passes requests for this canonical name on to its cloud: such a model is never loaded here.</summary>
    public static bool IsCloud(string canonical) => canonical.EndsWith(":cloud", StringComparison.Ordinal) || canonical.EndsWith("-cloud", StringComparison.Ordinal);

    private static string Without(string text, string prefix) => text.StartsWith(prefix, StringComparison.Ordinal) ? text[prefix.Length..] : text;
}
