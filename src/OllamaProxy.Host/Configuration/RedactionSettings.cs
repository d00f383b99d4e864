using OllamaProxy.Application.Redaction;

namespace OllamaProxy.Host.Configuration;

/// <summary>Reads the redaction patterns.</summary>
internal static class RedactionSettings
{
    private const int MaxPatterns = 100;

    /// <summary>The built-in patterns; null for an unknown name.</summary>
    public static IReadOnlyList<string>? Names(string text)
    {
        var names = text.ToLowerInvariant().Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return names switch
        {
            ["none"] => [],
            ["all"] => BuiltInPatterns.Names,
            _ => names.All(BuiltInPatterns.Names.Contains) ? [.. names.Distinct()] : null,
        };
    }

    /// <summary>The user's own patterns, separated by <c>;;</c>: patterns often contain single semicolons, and <c>;{2}</c> matches two.</summary>
    public static IReadOnlyList<string> Patterns(string text) =>
        text.Split(["\r\n", "\n", ";;"], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    public static IEnumerable<string> Problems(IReadOnlyList<string> patterns)
    {
        if (patterns.Count > MaxPatterns)
        {
            yield return $"ANALYTICS_REDACT_PATTERNS: has {patterns.Count} patterns; at most {MaxPatterns} are allowed.";
        }

        foreach (var pattern in patterns.Take(MaxPatterns))
        {
            if (UserPatterns.Problem(pattern) is { } why)
            {
                yield return $"ANALYTICS_REDACT_PATTERNS=\"{EnvironmentVariables.Cut(pattern)}\": is not a regular expression: "
                    + $"{EnvironmentVariables.Cut(WithoutPattern(why, pattern))}";
            }
        }
    }

    /// <summary>Removes the pattern from .NET's message: Invalid pattern '(' at offset 1. Not enough )'s.</summary>
    private static string WithoutPattern(string why, string pattern) => why.Replace($"Invalid pattern '{pattern}' ", "", StringComparison.Ordinal);
}
