using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// A proxy that another command started, and that outlives its terminal. Until it serves requests it reports to that terminal, so that the user sees why it did
/// not start; it always writes log files.
/// </summary>
internal static class Background
{
    public const string Option = "--background";

    /// <summary>The log folder: as set, or beside the records.</summary>
    public static string LogDirectory(ProxySettings settings) => Path.GetFullPath(settings.Log.Directory ?? Path.Combine(settings.Analytics.Directory, "logs"));

    public static ProxySettings WithLogFiles(ProxySettings settings) =>
        settings with { Log = settings.Log with { Directory = LogDirectory(settings), IsConsole = false } };
}
