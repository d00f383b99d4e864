namespace OllamaProxy.Bench.Run;

/// <summary>Paths in the repository; the bench is started in its root.</summary>
/// <param name="Root">The root of the repository.</param>
/// <param name="Proxy">Our published file.</param>
internal sealed record Places(string Root, string Proxy)
{
    public string Contestants => Path.Combine(Root, "bench", "contestants.json");

    public string Templates => Path.Combine(Root, "bench", "contestants");

    /// <summary>The build output of the bench, and the raw figures of a run.</summary>
    public string Artifacts => Path.Combine(Root, "artifacts", "bench");

    public string Document => Path.Combine(Root, "docs", "performance.md");

    public string Plot => Path.Combine(Root, "docs", "images", "performance.svg");

    public string Fill(string text) => text.Replace("{proxy}", Proxy, StringComparison.Ordinal).Replace("{bench}", Artifacts, StringComparison.Ordinal);
}
