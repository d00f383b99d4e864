using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;

namespace OllamaProxy.Application.Redaction;

/// <summary>
/// Redacts texts before they are stored. It never throws; a text that cannot be searched completely within the time limit is withheld. Redacting a redacted
/// text changes nothing.
/// </summary>
public sealed partial class Redactor(RecordingOptions options, TimeProvider time, ILogger<Redactor> logger)
{
    /// <summary>Replaces a text that was not searched completely.</summary>
    public const string Withheld = "[redacted: took too long]";

    /// <summary>
    /// A replacement can expose another match (it may have hidden behind a preceding digit), so the search repeats until nothing is found. The limit stops
    /// user patterns that consume a text bit by bit.
    /// </summary>
    private const int MaxRounds = 16;

    private readonly RedactionPattern[] _patterns =
    [
        .. BuiltInPatterns.Of(options.Redact),
        .. options.RedactPatterns.Select((pattern, index) => UserPatterns.Create(pattern, index + 1, options.RedactTimeLimit)),
    ];

    private readonly ConcurrentDictionary<string, bool> _slow = new(StringComparer.Ordinal);

    public bool IsOn => _patterns.Length > 0;

    /// <summary>Replaces each match with its pattern's name: <c>[redacted:email]</c>.</summary>
    [return: NotNullIfNotNull(nameof(text))]
    public string? Redact(string? text) => string.IsNullOrEmpty(text) || !IsOn ? text : Redact(text, _patterns, new Deadline(time, options.RedactTimeLimit));

    /// <summary>Redacts each string and number of a JSON text by its decoded value; the result is valid JSON. User patterns also see the whole text.</summary>
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
                // A failed engine has not searched the text, and unsearched text is never kept.
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

    /// <summary>Replaces the findings by names. Overlapping findings merge, also with names that are already in the text.</summary>
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

        // The sort is stable: of equal starts, the first pattern gives the name.
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
            "{Pattern} took longer than {Milliseconds} ms to search a text. Such texts are withheld from the records. This is logged once.")]
        public static partial void TookTooLong(ILogger logger, string pattern, int milliseconds);
    }
}
