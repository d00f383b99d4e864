using System.Text;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>How a log entry becomes a line. Console and files share the formats.</summary>
public abstract class LogFormat
{
    /// <summary>Appends the line, without its end. Never more than one line, whatever the entry quotes.</summary>
    public abstract void Append(StringBuilder line, in LogItem item);

    /// <summary>A level as Loki, Vector and people name it.</summary>
    protected static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };

    /// <summary>Text of a message, which may quote a client: without line ends and terminal control characters.</summary>
    protected static string OneLine(string text) => PlainText.Of(text.ReplaceLineEndings(" | "));
}

/// <summary>One entry of the log: a request, or a message with its named parts.</summary>
/// <param name="Time">When it was logged.</param>
/// <param name="Level">How much it matters.</param>
/// <param name="Category">The type that logs, or <c>ollama</c> for Ollama's own output.</param>
/// <param name="Request">The request; null for a message.</param>
/// <param name="Message">The text; empty for a request.</param>
/// <param name="Parts">The values in the message, by name.</param>
/// <param name="Exception">What went wrong.</param>
public readonly record struct LogItem(
    DateTimeOffset Time,
    LogLevel Level,
    string Category,
    RequestLine? Request,
    string Message,
    IEnumerable<KeyValuePair<string, object?>>? Parts,
    Exception? Exception)
{
    public static LogItem Of<TState>(
        DateTimeOffset time, LogLevel level, string category, TState state, Exception? exception, Func<TState, Exception?, string>? formatter)
    {
        if (state is RequestLine request)
        {
            return new LogItem(time, level, category, request, "", null, exception);
        }

        var message = formatter?.Invoke(state, exception) ?? "";
        return new LogItem(time, level, category, null, message, state as IEnumerable<KeyValuePair<string, object?>>, exception);
    }
}
