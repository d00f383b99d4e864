using System.Text.RegularExpressions;

namespace OllamaProxy.Application.Redaction;

/// <summary>A range of the text to redact.</summary>
internal readonly record struct Finding(int Start, int End, string Name);

/// <summary>The time limit for searching one text.</summary>
internal readonly struct Deadline(TimeProvider time, TimeSpan limit)
{
    private readonly long _began = time.GetTimestamp();

    /// <summary>Throws the same exception as a single match that takes too long.</summary>
    public void Check()
    {
        if (time.GetElapsedTime(_began) > limit)
        {
            throw new RegexMatchTimeoutException();
        }
    }
}

/// <summary>A pattern to search for. Its name replaces the match in redacted texts.</summary>
internal abstract class RedactionPattern(string name)
{
    public string Name { get; } = name;

    /// <summary>The name in log messages.</summary>
    public string Title { get; init; } = name;

    public abstract void Find(string text, List<Finding> findings, Deadline deadline);
}

/// <param name="name">See <see cref="RedactionPattern.Name"/>.</param>
/// <param name="regex">The expression to match.</param>
/// <param name="accepts">Confirms a match beyond what the expression checks; null accepts all.</param>
internal sealed class RegexPattern(string name, Regex regex, RegexPattern.Judge? accepts = null) : RedactionPattern(name)
{
    public delegate bool Judge(ReadOnlySpan<char> match);

    public override void Find(string text, List<Finding> findings, Deadline deadline)
    {
        foreach (var match in regex.EnumerateMatches(text))
        {
            if (match.Length > 0 && (accepts is null || accepts(text.AsSpan(match.Index, match.Length))))
            {
                findings.Add(new Finding(match.Index, match.Index + match.Length, Name));
            }

            deadline.Check();
        }
    }
}
