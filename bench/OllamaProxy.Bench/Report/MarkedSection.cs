namespace OllamaProxy.Bench.Report;

/// <summary>The part of a document between two comments, which the bench replaces.</summary>
internal static class MarkedSection
{
    public static void Write(string file, string name, string text)
    {
        var (begin, end) = ($"<!-- {name}:begin -->", $"<!-- {name}:end -->");
        var document = File.ReadAllText(file);
        var (from, to) = (document.IndexOf(begin, StringComparison.Ordinal), document.IndexOf(end, StringComparison.Ordinal));
        if (from < 0 || to < from)
        {
            throw new InvalidOperationException($"{file} has no \"{begin}\" followed by \"{end}\".");
        }

        File.WriteAllText(file, $"{document[..(from + begin.Length)]}\n\n{text.Trim()}\n\n{document[to..]}");
    }
}
