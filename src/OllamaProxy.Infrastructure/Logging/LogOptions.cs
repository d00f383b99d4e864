using Microsoft.Extensions.Logging;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>What the program says of itself, and where.</summary>
public sealed record LogOptions
{
    /// <summary>The least level that is written. Default Information: one line for each request among it.</summary>
    public LogLevel Level { get; init; } = LogLevel.Information;

    /// <summary>Whether the console has the log; false for a program without one.</summary>
    public bool IsConsole { get; init; } = true;

    /// <summary>Lines of JSON on the console and in files, in place of text.</summary>
    public bool Json { get; init; }

    /// <summary>Whether text names the type that logs: for developers, who log at debug level.</summary>
    public bool ShowsTypes => Level <= LogLevel.Debug;

    /// <summary>The folder of log files; null for none.</summary>
    public string? Directory { get; init; }

    /// <summary>Megabytes (10^6 bytes) of a file, after which the next begins. 1 to 10,000, default 10.</summary>
    public int MaxSizeMegabytes { get; init; } = 10;

    /// <summary>Files that are kept, the one that is written to among them. 1 to 1,000, default 5.</summary>
    public int MaxFiles { get; init; } = 5;
}
