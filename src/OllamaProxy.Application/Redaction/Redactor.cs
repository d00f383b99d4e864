using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;

namespace OllamaProxy.Application.Redaction;

/// <summary>
/// Takes out of a text what must not be kept. It never throws, and what it cannot search to the end within its time it withholds whole. To redact what is
/// redacted changes nothing.
/// </summary>
public sealed partial class Redactor(RecordingOptions options, TimeProvider time, ILogger<Redactor> logger)
{
    /// <summary>Stands for a text that was not searched to its end.</summary>
    public const string Withheld = "[redacted: took too long]";

    /// <summary>
    /// What was taken out may have hidden the beginning of something else (a digit before a number, say), so a text is searched until nothing is found.
    /// Expressions of the user that eat a text bit by bit end here.
    /// </summary>
    private const int MaxRounds = 16;

    private readonly RedactionPattern[] _patterns =
    [
        .. BuiltInPatterns.Of(options.Redact),
        .. options.RedactPatterns.Select((pattern, index) => UserPatterns.Create(pattern, index + 1, options.RedactTimeLimit)),
    ];

    private readonly ConcurrentDictionary<string, bool> _slow = new(StringComparer.Ordinal);

    /// <summary>False when there is nothing to look for.</summary>
    public bool IsOn => _patterns.Length > 0;

    /// <summary>The text without what must not be kept: a name stands in its place, <c>[redacted:email]</c>.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public string? Redact(string? text) => string.IsNullOrEmpty(text) || !IsOn ? text : Redact(text, _patterns, new Deadline(time, options.RedactTimeLimit));

    /// <summary>
    /// The same for a JSON text: each string and number of it is searched as the text it stands for, and the result is JSON again. The user's own
    /// expressions see the whole of it too, as they would see any text.
    /// </summary>
    [return: NotNullIfNotNull(nameof(json))]
    public string? RedactJson(string? json) => string.IsNullOrEmpty(json) || !IsOn ? json : RedactValues(json);

    private string RedactValues(string json)
    {
        var deadline = new Deadline(time, options.RedactTimeLimit);
        return JsonRedaction.TryRedact(json, value => Redact(value, _patterns, deadline)) is { } redacted
            ? Redact(redacted, [.. _patterns.Where(pattern => pattern.Name == UserPatterns.Name)], deadline)
            : Redact(json, _patterns, deadline);
    }

    private string Redact(string text, RedactionPattern[] patterns, Deadline deadline)
    {
        if (text == Withheld)
        {
            return text;
        }

        List<Finding> findings = [];
        for (var round = 0; round < MaxRounds; round++)
        {
            findings.Clear();
            foreach (var pattern in patterns)
            {
                try
                {
                    pattern.Find(text, findings, deadline);
                }
                catch (RegexMatchTimeoutException)
                {
                    return Withhold(pattern.Title);
                }
                // An engine that fails has not searched, and a text that was not searched is not kept.
                catch (Exception exception) when (
                    exception is InvalidOperationException or ArgumentException or NotSupportedException or InsufficientExecutionStackException)
                {
                    return Withhold(pattern.Title);
                }
            }

            var replaced = Replace(text, findings);
            if (replaced == text)
            {
                return text;
            }

            text = replaced;
        }

        return Withhold("A pattern of ANALYTICS_REDACT_PATTERNS");
    }

    private string Withhold(string pattern)
    {
        if (_slow.TryAdd(pattern, true))
        {
            Log.TookTooLong(logger, pattern, (int)options.RedactTimeLimit.TotalMilliseconds);
        }

        return Withheld;
    }

    /// <summary>Puts names in the place of findings. Those that overlap become one, and with them the names that stand in the text already.</summary>
    private static string Replace(string text, List<Finding> findings)
    {
        if (findings.Count == 0)
        {
            return text;
        }

        Finding[] names = [.. NamesIn(text)];
        findings.RemoveAll(finding => Array.Exists(names, name => name.Start <= finding.Start && finding.End <= name.End));
        if (findings.Count == 0)
        {
            return text;
        }

        // Sorting keeps the order of equals: the pattern that comes first gives the name.
        Finding[] all = [.. findings.Concat(names).OrderBy(finding => finding.Start)];
        var result = new StringBuilder(text.Length);
        var written = 0;
        for (var index = 0; index < all.Length;)
        {
            var (start, end, name) = all[index];
            for (index++; index < all.Length && all[index].Start < end; index++)
            {
                end = Math.Max(end, all[index].End);
            }

            result.Append(text, written, start - written).Append("[redacted:").Append(name).Append(']');
            written = end;
        }

        return result.Append(text, written, text.Length - written).ToString();
    }

    private static IEnumerable<Finding> NamesIn(string text)
    {
        foreach (Match match in Name().Matches(text))
        {
            yield return new Finding(match.Index, match.Index + match.Length, match.Groups[1].Value);
        }
    }

    [GeneratedRegex(@"\[redacted:(email|card|phone|key|pattern| took too long)\]", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    private static partial class Log
    {
        [LoggerMessage(1, LogLevel.Warning,
            "{Pattern} took longer than {Milliseconds} ms to search a text; such texts are withheld from the records. This is logged once.")]
        public static partial void TookTooLong(ILogger logger, string pattern, int milliseconds);
    }
}
