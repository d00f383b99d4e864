using System.Text.RegularExpressions;

namespace OllamaProxy.Application.Redaction;

/// <summary>The user's own regular expressions.</summary>
public static class UserPatterns
{
    /// <summary>The name in redacted texts.</summary>
    internal const string Name = "pattern";

    /// <summary>Why the pattern is not a valid regular expression; null when it is.</summary>
    public static string? Problem(string pattern)
    {
        try
        {
            Create(pattern, Regex.InfiniteMatchTimeout);
            return null;
        }
        catch (ArgumentException exception)
        {
            return exception.Message;
        }
    }

    internal static RedactionPattern Create(string pattern, int number, TimeSpan limit) =>
        new RegexPattern(Name, Create(pattern, limit)) { Title = $"pattern {number} of ANALYTICS_REDACT_PATTERNS" };

    /// <summary>Prefers the engine that runs in linear time; lookarounds, backreferences and very large patterns need the backtracking one.</summary>
    private static Regex Create(string pattern, TimeSpan limit)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, limit);
        }
        catch (NotSupportedException)
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, limit);
        }
    }
}
