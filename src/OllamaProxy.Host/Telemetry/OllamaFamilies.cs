using System.Text;

namespace OllamaProxy.Host.Telemetry;

/// <summary>
/// Appends Ollama's own metrics to ours, line by line. Leaves out families that we define, because a page may define each only once. Leaves out the whole page
/// if it is not in the text format, because one wrong line fails the scrape.
/// </summary>
internal static class OllamaFamilies
{
    private static readonly string[] s_suffixes = ["_bucket", "_sum", "_count", "_total"];

    /// <param name="ours">Our page.</param>
    /// <param name="theirs">Ollama's page; null when it has none.</param>
    /// <returns>The lines to append, each with a line feed.</returns>
    public static string Rest(string ours, string? theirs)
    {
        if (string.IsNullOrEmpty(theirs))
        {
            return "";
        }

        var defined = ours.Split('\n').Select(FamilyOf).OfType<string>().Select(Stem).ToHashSet(StringComparer.Ordinal);
        var rest = new StringBuilder();
        foreach (var line in theirs.Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0))
        {
            if (!IsLine(line))
            {
                return "";
            }

            if (FamilyOf(line) is not { } family || !defined.Contains(Stem(family)))
            {
                rest.Append(line).Append('\n');
            }
        }

        return rest.ToString();
    }

    /// <summary>The metric name of a line; null for a comment.</summary>
    private static string? FamilyOf(string line)
    {
        if (line.StartsWith('#'))
        {
            return line.Split(' ', 4) is [_, "HELP" or "TYPE" or "UNIT", var name, ..] ? name : null;
        }

        var end = line.AsSpan().IndexOfAny('{', ' ', '\t');
        return end > 0 ? line[..end] : null;
    }

    private static string Stem(string name)
    {
        foreach (var suffix in s_suffixes)
        {
            if (name.EndsWith(suffix, StringComparison.Ordinal))
            {
                return name[..^suffix.Length];
            }
        }

        return name;
    }

    /// <summary>True for a comment, and for a name followed by a number.</summary>
    private static bool IsLine(string line) =>
        line.StartsWith('#')
            || ((char.IsAsciiLetter(line[0]) || line[0] is '_' or ':') && line.LastIndexOf(' ') is > 0 and var space && IsNumber(line.AsSpan(space + 1)));

    private static bool IsNumber(ReadOnlySpan<char> text) =>
        text is "NaN"
            or "+Inf"
            or "-Inf"
            or "Inf"
            || double.TryParse(text, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out _);
}
