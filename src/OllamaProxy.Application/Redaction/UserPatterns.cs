using System.Text.RegularExpressions;

namespace OllamaProxy.Application.Redaction;

/// <summary>The user's own regular expressions.</summary>
public static class UserPatterns
{
    /// <summary>The name that stands in redacted texts.</summary>
    internal const string Name = "pattern";

    /// <summary>Why it is no regular expression, in words; null when it is one.</summary>
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

    /// <summary>
    /// The engine that takes time by the text's length only, unless the expression needs the other one (it looks around or back, or is too large).
    /// </summary>
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
