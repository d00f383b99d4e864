namespace OllamaProxy.Host.Configuration;

/// <summary>Finds variables that look like a misspelled setting, which would otherwise be ignored silently.</summary>
internal static class Misspelled
{
    private static readonly string[] s_prefixes = ["PROXY_", "ANALYTICS_", "METRICS_", "OLLAMA_BACKEND_", "OLLAMA_EXECUTABLE", "SHUTDOWN_", "MAX_CONCURRENT",
        "MAX_QUEUE", "QUEUE_TIMEOUT", "TRUSTED_PROX", "TRACK_", "LOG_"];

    private const string Program = "OLLAMAPROXY";

    /// <summary>The number of letters that may differ.</summary>
    private const int Tolerance = 3;

    public static IEnumerable<string> Notices(IEnumerable<string> names, IReadOnlyList<string> known) =>
        from name in names.Order(StringComparer.Ordinal)
        where !known.Contains(name, StringComparer.Ordinal)
        let meant = Meant(name.ToUpperInvariant(), known)
        where meant is not null
        select $"{name} is not a setting of ollama-proxy. Did you mean {meant}?";

    /// <summary>The most similar word; null when none is close.</summary>
    public static string? Nearest(string word, IEnumerable<string> known) =>
        known.Where(ours => Distance(word.ToLowerInvariant(), ours) <= Math.Min(2, ours.Length / 2)).MinBy(ours => Distance(word.ToLowerInvariant(), ours));

    /// <summary>" Did you mean 'x'?", or an empty text.</summary>
    public static string Hint(string word, IEnumerable<string> known) => Nearest(word, known) is { } meant ? $" Did you mean '{meant}'?" : "";

    private static string? Meant(string upper, IReadOnlyList<string> known)
    {
        // Finds PROXYPORT, and OLLAMA_PROXY_PORT with the program's name in front.
        var bare = Bare(upper);
        if (known.FirstOrDefault(ours => Bare(ours) == bare
                || (bare.StartsWith(Program, StringComparison.Ordinal) && bare.EndsWith(Bare(ours), StringComparison.Ordinal)
                    && (bare.Length - Bare(ours).Length == Program.Length || Bare(ours).StartsWith(Program[6..], StringComparison.Ordinal)))) is { } same)
        {
            return same;
        }

        if (!s_prefixes.Any(prefix => upper.StartsWith(prefix, StringComparison.Ordinal)))
        {
            return null;
        }

        var near = known.OrderBy(ours => Distance(upper, ours)).First();
        return Distance(upper, near) <= Tolerance || near.StartsWith(upper + "_", StringComparison.Ordinal) ? near : null;
    }

    private static string Bare(string name) => name.Replace("_", "", StringComparison.Ordinal);

    /// <summary>Letters to add, remove, change, or swap with their neighbor.</summary>
    private static int Distance(string left, string right)
    {
        var (before, previous) = (Array.Empty<int>(), Enumerable.Range(0, right.Length + 1).ToArray());
        for (var row = 1; row <= left.Length; row++)
        {
            var current = new int[right.Length + 1];
            current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var change = left[row - 1] == right[column - 1] ? 0 : 1;
                current[column] = Math.Min(Math.Min(current[column - 1], previous[column]) + 1, previous[column - 1] + change);
                if (row > 1 && column > 1 && left[row - 1] == right[column - 2] && left[row - 2] == right[column - 1])
                {
                    current[column] = Math.Min(current[column], before[column - 2] + 1);
                }
            }

            (before, previous) = (previous, current);
        }

        return previous[^1];
    }
}
