namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Joins paths to a base URL that may itself have a path, for an Ollama behind a web server.</summary>
public static class UriPaths
{
    /// <summary>The URL without a trailing slash.</summary>
    public static string Prefix(this Uri url) => url.GetLeftPart(UriPartial.Path).TrimEnd('/');

    public static Uri At(this Uri url, string path) => new(url.Prefix() + path);
}
