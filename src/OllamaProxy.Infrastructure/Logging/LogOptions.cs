using Microsoft.Extensions.Logging;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>The level, the format and the destinations of the log.</summary>
public sealed record LogOptions
{
    /// <summary>The lowest level that is written. Default Information, which includes one line per request.</summary>
    public LogLevel Level { get; init; } = LogLevel.Information;

    /// <summary>Whether the log goes to the console; false for a program without one.</summary>
    public bool IsConsole { get; init; } = true;

    /// <summary>Writes JSON instead of text, on the console and in files.</summary>
    public bool Json { get; init; }

    /// <summary>Whether text lines name the logging type: for developers, who log at debug level.</summary>
    public bool ShowsTypes => Level <= LogLevel.Debug;

    /// <summary>The folder of log files; null for none.</summary>
    public string? Directory { get; init; }

    /// <summary>The size of a file in megabytes (10^6 bytes) at which the next one starts. 1 to 10,000, default 10.</summary>
    public int MaxSizeMegabytes { get; init; } = 10;

    /// <summary>Files to keep, the current one included. 1 to 1,000, default 5.</summary>
    public int MaxFiles { get; init; } = 5;
}
