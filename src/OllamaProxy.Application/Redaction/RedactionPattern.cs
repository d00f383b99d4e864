using System.Text.RegularExpressions;

namespace OllamaProxy.Application.Redaction;

/// <summary>A place in a text that must not be kept.</summary>
internal readonly record struct Finding(int Start, int End, string Name);

/// <summary>When the search of one text has to be over.</summary>
internal readonly struct Deadline(TimeProvider time, TimeSpan limit)
{
    private readonly long _began = time.GetTimestamp();

    /// <summary>Throws as a single match does that takes too long.</summary>
    public void Check()
    {
        if (time.GetElapsedTime(_began) > limit)
        {
            throw new RegexMatchTimeoutException();
        }
    }
}

/// <summary>Something to look for. Its name is what the reader of a redacted text sees.</summary>
internal abstract class RedactionPattern(string name)
{
    public string Name { get; } = name;

    /// <summary>What a log calls it.</summary>
    public string Title { get; init; } = name;

    public abstract void Find(string text, List<Finding> findings, Deadline deadline);
}

/// <param name="name">See <see cref="RedactionPattern.Name"/>.</param>
/// <param name="regex">What matches.</param>
/// <param name="accepts">Looks closer at a match than an expression can; null takes all.</param>
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
