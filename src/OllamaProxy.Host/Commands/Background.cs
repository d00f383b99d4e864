using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// A proxy that another command started and that outlives its terminal. Until it serves requests it reports to that terminal, so the user sees why a start
/// failed. It always writes log files.
/// </summary>
internal static class Background
{
    public const string Option = "--background";

    /// <summary>The log folder: the configured one, or the one next to the records.</summary>
    public static string LogDirectory(ProxySettings settings) => Path.GetFullPath(settings.Log.Directory ?? Path.Combine(settings.Analytics.Directory, "logs"));

    public static ProxySettings WithLogFiles(ProxySettings settings) =>
        settings with { Log = settings.Log with { Directory = LogDirectory(settings), IsConsole = false } };
}
