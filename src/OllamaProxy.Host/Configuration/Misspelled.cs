namespace OllamaProxy.Host.Configuration;

/// <summary>Finds variables that were most likely meant to be one of ours: a setting with a typing error in its name has no effect and no error otherwise.</summary>
internal static class Misspelled
{
    private static readonly string[] s_prefixes = ["PROXY_", "ANALYTICS_", "METRICS_", "OLLAMA_BACKEND_", "OLLAMA_EXECUTABLE", "SHUTDOWN_", "MAX_CONCURRENT", "MAX_QUEUE", "QUEUE_TIMEOUT", "TRUSTED_PROX", "TRACK_", "LOG_"];

    /// <summary>Letters that may differ.</summary>
    private const int Tolerance = 3;

    public static IEnumerable<string> Notices(IEnumerable<string> names, IReadOnlyList<string> known) =>
        from name in names.Order(StringComparer.Ordinal)
        let upper = name.ToUpperInvariant()
        where !known.Contains(name, StringComparer.Ordinal) && s_prefixes.Any(prefix => upper.StartsWith(prefix, StringComparison.Ordinal))
        let near = known.OrderBy(ours => Distance(upper, ours)).First()
        where Distance(upper, near) <= Tolerance || near.StartsWith(upper + "_", StringComparison.Ordinal)
        select $"{name} is no setting of ollama-proxy. Did you mean {near}?";

    /// <summary>The word that was most likely meant; null when none is near.</summary>
    public static string? Nearest(string word, IEnumerable<string> known) =>
        known.Where(ours => Distance(word.ToLowerInvariant(), ours) <= Math.Min(2, ours.Length / 2)).MinBy(ours => Distance(word.ToLowerInvariant(), ours));

    /// <summary>Levenshtein's distance.</summary>
    private static int Distance(string left, string right)
    {
        var previous = Enumerable.Range(0, right.Length + 1).ToArray();
        for (var row = 1; row <= left.Length; row++)
        {
            var current = new int[right.Length + 1];
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var change = left[row - 1] == right[column - 1] ? 0 : 1;
                current[column] = Math.Min(Math.Min(current[column - 1], previous[column]) + 1, previous[column - 1] + change);
            }

            previous = current;
        }

        return previous[^1];
    }
}
