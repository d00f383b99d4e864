using System.Text;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>Formats a log entry as a line, for the console and for files.</summary>
public abstract class LogFormat
{
    /// <summary>Appends the line without a line break; always exactly one line, whatever the entry quotes.</summary>
    public abstract void Append(StringBuilder line, in LogItem item);

    /// <summary>The level's usual name, as in Loki and Vector.</summary>
    protected static string NameOf(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        LogLevel.Error => "error",
        _ => "critical",
    };

    /// <summary>Makes a message, which may quote a client, safe: no line breaks, no terminal control characters.</summary>
    protected static string OneLine(string text) => PlainText.Of(text.ReplaceLineEndings(" | "));
}

/// <summary>A log entry: a request, or a message with its named values.</summary>
/// <param name="Time">The time of the entry.</param>
/// <param name="Level">The level.</param>
/// <param name="Category">The logging type, or <c>ollama</c> for Ollama's own output.</param>
/// <param name="Request">The request; null for a message.</param>
/// <param name="Message">The text; empty for a request.</param>
/// <param name="Parts">The values in the message, by name.</param>
/// <param name="Exception">The logged exception; null without one.</param>
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
