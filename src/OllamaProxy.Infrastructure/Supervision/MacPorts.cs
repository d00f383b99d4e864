using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Finds a port's owner with <c>lsof</c>, which is part of macOS. Compiled, but not yet run on a Mac (docs/supervision.md).</summary>
[SupportedOSPlatform("macos")]
internal static class MacPorts
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(3);

    public static PortOwner? Find(int port)
    {
        var listing = Run("/usr/sbin/lsof", "-nP", string.Create(CultureInfo.InvariantCulture, $"-iTCP:{port}"), "-sTCP:LISTEN", "-Fpc");
        return Owner(listing) is var (id, name)
            ? new PortOwner(id, name, Manager(name, Run("/bin/ps", "-o", "comm=", "-p", id.ToString(CultureInfo.InvariantCulture))))
            : null;
    }

    /// <summary>The first process in the output of <c>lsof -Fpc</c>: a line <c>p</c> with the id, a line <c>c</c> with the name.</summary>
    internal static (int Id, string Name)? Owner(string listing)
    {
        var lines = listing.Split('\n');
        var id = lines.FirstOrDefault(static line => line.StartsWith('p'))?[1..];
        var name = lines.FirstOrDefault(static line => line.StartsWith('c'))?[1..];
        return name is not null && int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? (number, name) : null;
    }

    internal static PortManager? Manager(string name, string path) =>
        name.StartsWith("com.docke", StringComparison.Ordinal) ? PortManager.Docker :
        path.Contains("/Ollama.app/", StringComparison.Ordinal) ? PortManager.MacApp :
        path.Contains("/homebrew/", StringComparison.Ordinal) || path.Contains("/Cellar/", StringComparison.Ordinal) ? PortManager.Homebrew :
        null;

    private static string Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var output = process.StandardOutput.ReadToEnd();
            return process.WaitForExit(s_patience) ? output : "";
        }
        catch (Exception exception) when (exception is Win32Exception or IOException)
        {
            return "";
        }
    }
}
