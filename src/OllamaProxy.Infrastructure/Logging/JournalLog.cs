using System.Text;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>The log for systemd's journal, which reads the level from a prefix (sd-daemon(3)).</summary>
/// <param name="format">Formats the rest of the line.</param>
public sealed class JournalLog(LogFormat format) : LogFormat
{
    public override void Append(StringBuilder line, in LogItem item)
    {
        ArgumentNullException.ThrowIfNull(line);
        line.Append(item.Level switch
        {
            LogLevel.Critical => "<2>",
            LogLevel.Error => "<3>",
            LogLevel.Warning => "<4>",
            LogLevel.Information => "<6>",
            _ => "<7>",
        });
        format.Append(line, item);
    }
}
