using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Commands;

/// <summary>
/// A proxy that was started for the sake of another command and stays when its terminal goes. Until it takes requests it speaks to that terminal, where the person
/// is who wants to know why it did not start; and always to log files.
/// </summary>
internal static class Background
{
    public const string Option = "--background";

    /// <summary>Where it logs to: as set, or beside the records.</summary>
    public static string LogDirectory(ProxySettings settings) => Path.GetFullPath(settings.Log.Directory ?? Path.Combine(settings.Analytics.Directory, "logs"));

    public static ProxySettings WithLogFiles(ProxySettings settings) => settings with { Log = settings.Log with { Directory = LogDirectory(settings), IsConsole = false } };
}
