using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// Finds the level of a line of Ollama's output: slog, Gin's access log, its runners (llama.cpp), and crash dumps. Ollama has one level switch for all of them
/// and writes about 200 lines per model load, so anything below a warning is logged at debug level.
/// </summary>
internal static partial class OllamaLine
{
    /// <summary>Makes the line safe for a log or a terminal: escape sequences are removed, other control characters replaced.</summary>
    public static string Clean(string line) => PlainText.Of(EscapeSequence().Replace(line, "").Replace('\t', ' ').TrimEnd('\r'));

    /// <summary>The level of a clean line.</summary>
    public static LogLevel LevelOf(string line)
    {
        if (Leveled().Match(line) is { Success: true } leveled)
        {
            return leveled.Groups["level"].ValueSpan[0] switch
            {
                'E' or 'F' => LogLevel.Error,
                'W' => LogLevel.Warning,
                _ => LogLevel.Debug,
            };
        }

        return Failure().IsMatch(line) ? LogLevel.Error : Warning().IsMatch(line) ? LogLevel.Warning : LogLevel.Debug;
    }

    /// <summary>True for the first line of a goroutine's stack.</summary>
    public static bool BeginsStack(string line) => StackBegin().IsMatch(line);

    /// <summary>True for lines inside Go's stack traces and register dumps.</summary>
    public static bool IsInStack(string line) => line.Length == 0 || line[0] == ' ' || StackLine().IsMatch(line);

    [GeneratedRegex(@"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])|\x9b[0-?]*[ -/]*[@-~]")]
    private static partial Regex EscapeSequence();

    /// <summary>
    /// slog as text (<c>level=WARN</c>), as JSON, and without a handler (<c>2026/11/23 11:49:44 WARN</c>); llama.cpp with its prefix (<c>0.01.234.567 W</c>).
    /// </summary>
    [GeneratedRegex("""
        ^(?:(?:time=\S+\ )?level=|\{(?:"[^"]*":"[^"]*",)*"level":"
            |\d{4}/\d\d/\d\d\ [\d:.]+\ (?=(?:DEBUG|INFO|WARN|ERROR)\b)|\d+\.\d\d\.\d{3}\.\d{3}\ (?=[A-Z]\ ))(?<level>[A-Z]+)
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.ExplicitCapture)]
    private static partial Regex Leveled();

    /// <summary>A word for a failure at the start of the line, after names such as <c>llama_model_load:</c>, <c>[GIN-debug]</c> or a date.</summary>
    [GeneratedRegex("""
        ^(?:\[[\w-]+\]\ |[\w.-]+:\ |\d{4}/\d\d/\d\d\ (?:-\ )?[\d:.]+\ )*
        (?:\[?(?:panic|fatal|error|exception)\b|failed\ to\b|(?:cuda|rocm|hip|vulkan|metal)\ error\b|\[?signal\ |SIG[A-Z]{3,}\b
            |GGML_ASSERT|terminate\ called|segmentation\ fault|unexpected\ fault\ address)
        |\bout\ of\ memory\b|\bGGML_ASSERT\(
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Failure();

    [GeneratedRegex("""
        ^(?:\[[\w-]+\]\ |[\w.-]+:\ |\d{4}/\d\d/\d\d\ (?:-\ )?[\d:.]+\ )*\[?warn(?:ing)?\b
        """, RegexOptions.IgnorePatternWhitespace | RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Warning();

    [GeneratedRegex(@"^goroutine \d+ .*:$")]
    private static partial Regex StackBegin();

    [GeneratedRegex(@"^(?:goroutine \d+ .*:|created by .*|\S+\(.*\)(?: in goroutine \d+)?|\.\.\.\S*|r\w+ +0x[0-9a-f]+|[a-z]+ +0x[0-9a-f]+|exit status \d+)$")]
    private static partial Regex StackLine();
}
