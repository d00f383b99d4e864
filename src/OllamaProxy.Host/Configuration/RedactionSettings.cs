using OllamaProxy.Application.Redaction;

namespace OllamaProxy.Host.Configuration;

/// <summary>Reads what to redact.</summary>
internal static class RedactionSettings
{
    private const int MaxPatterns = 100;

    /// <summary>The built-in patterns; null when there is no such name.</summary>
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

    /// <summary>The user's own patterns. Commas and semicolons stand in many of them, two semicolons in none: <c>;{2}</c> matches those.</summary>
    public static IReadOnlyList<string> Patterns(string text) =>
        text.Split(["\r\n", "\n", ";;"], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>What is wrong with the user's own patterns, each with its reason.</summary>
    public static IEnumerable<string> Problems(IReadOnlyList<string> patterns)
    {
        if (patterns.Count > MaxPatterns)
        {
            yield return $"ANALYTICS_REDACT_PATTERNS: has {patterns.Count} patterns; more than {MaxPatterns} are not possible.";
        }

        foreach (var pattern in patterns.Take(MaxPatterns))
        {
            if (OwnPatterns.Problem(pattern) is { } why)
            {
                yield return $"ANALYTICS_REDACT_PATTERNS=\"{EnvironmentVariables.Cut(pattern)}\": is no regular expression: {EnvironmentVariables.Cut(WithoutPattern(why, pattern))}";
            }
        }
    }

    /// <summary>The framework begins its reason with the whole pattern: Invalid pattern '(' at offset 1. Not enough )'s.</summary>
    private static string WithoutPattern(string why, string pattern) => why.Replace($"Invalid pattern '{pattern}' ", "", StringComparison.Ordinal);
}
