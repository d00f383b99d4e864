namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Paths below a URL that may have a path itself, as an Ollama behind a web server has.</summary>
public static class UriPaths
{
    /// <summary>The URL without a slash at its end, for a path that begins with one.</summary>
    public static string Prefix(this Uri url) => url.GetLeftPart(UriPartial.Path).TrimEnd('/');

    public static Uri At(this Uri url, string path) => new(url.Prefix() + path);
}
