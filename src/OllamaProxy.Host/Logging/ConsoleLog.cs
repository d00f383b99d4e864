using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host.Logging;

/// <summary>The console's log in one of our formats.</summary>
/// <param name="format">Text or JSON.</param>
/// <param name="time">The clock of the lines.</param>
/// <param name="isJournal">Whether systemd reads the console and takes the level from a prefix (sd-daemon(3)).</param>
internal sealed class ConsoleLog(LogFormat format, TimeProvider time, bool isJournal) : ConsoleFormatter(FormatName)
{
    public const string FormatName = "ollama-proxy";

    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        // ConsoleLogger reuses a StringWriter for each thread; writing to its builder avoids a copy.
        var line = (textWriter as StringWriter)?.GetStringBuilder() ?? new StringBuilder();
        if (isJournal)
        {
            line.Append(logEntry.LogLevel switch
            {
                LogLevel.Critical => "<2>",
                LogLevel.Error => "<3>",
                LogLevel.Warning => "<4>",
                LogLevel.Information => "<6>",
                _ => "<7>",
            });
        }

        format.Append(line, LogItem.Of(time.GetLocalNow(), logEntry.LogLevel, logEntry.Category, logEntry.State, logEntry.Exception, logEntry.Formatter));
        line.Append(Environment.NewLine);
        if (textWriter is not StringWriter)
        {
            textWriter.Write(line);
        }
    }
}
