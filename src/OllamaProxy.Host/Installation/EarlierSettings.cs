using System.Runtime.Versioning;
using System.Xml.Linq;
using Microsoft.Win32;

namespace OllamaProxy.Host.Installation;

/// <summary>The settings of an earlier installation, so an upgrade changes only the requested ones.</summary>
internal static class EarlierSettings
{
    /// <param name="system">As <see cref="InstallOptions.System"/>.</param>
    /// <param name="root">As <see cref="InstallOptions.Root"/>.</param>
    /// <param name="home">The user's home folder.</param>
    public static IReadOnlyDictionary<string, string> Of(string system, string? root, string home) => system switch
    {
        "windows" => OperatingSystem.IsWindows() ? OfService() : new Dictionary<string, string>(),
        "macos" => OfAgent(LaunchdPlan.Agent(home)),
        _ => EnvironmentFile.Read(TextOf(Path.Combine(root ?? "/", SystemdPlan.Settings.TrimStart('/')))),
    };

    /// <summary>A setting of this machine's service; null when none is installed or this user may not read its settings.</summary>
    public static string? OfInstalledService(string name)
    {
        var system = OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "macos" : "linux";
        return Of(system, null, Environment.GetFolderPath(Environment.SpecialFolder.UserProfile)).GetValueOrDefault(name);
    }

    /// <summary>The variables of a launchd agent; empty for any other file.</summary>
    internal static IReadOnlyDictionary<string, string> OfAgent(string path)
    {
        Dictionary<string, string> variables = new(StringComparer.Ordinal);
        try
        {
            var elements = File.Exists(path)
                ? XDocument.Load(path).Descendants("key").FirstOrDefault(
                    key => key.Value == "EnvironmentVariables")?.ElementsAfterSelf().FirstOrDefault()?.Elements().ToList() ?? []
                : [];
            for (var index = 0; index + 1 < elements.Count; index += 2)
            {
                variables[elements[index].Value] = elements[index + 1].Value;
            }
        }
        catch (System.Xml.XmlException)
        {
            // The installation rewrites an invalid file.
        }

        return variables;
    }

    [SupportedOSPlatform("windows")]
    private static Dictionary<string, string> OfService()
    {
        using var key = Registry.LocalMachine.OpenSubKey($@"SYSTEM\CurrentControlSet\Services\{WindowsPlan.Service}");
        return (key?.GetValue("Environment") as string[] ?? []).Select(pair => pair.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
    }

    private static string TextOf(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadAllText(path) : "";
        }
        catch (UnauthorizedAccessException)
        {
            // Not readable by this user, for example in a dry run.
            return "";
        }
    }
}
