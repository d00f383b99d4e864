using System.ComponentModel;
using System.Diagnostics;

namespace OllamaProxy.Host.Demo;

/// <summary>The user's default browser.</summary>
internal static class DefaultBrowser
{
    /// <summary>Opens a page; returns a problem, or null.</summary>
    public static string? Open(Uri page)
    {
        try
        {
            // Windows opens URLs itself; elsewhere a program does, and its output is irrelevant.
            using var process = Process.Start(OperatingSystem.IsWindows()
                ? new ProcessStartInfo(page.ToString()) { UseShellExecute = true }
                : new ProcessStartInfo(OperatingSystem.IsMacOS() ? "open" : "xdg-open", [page.ToString()])
                {
                    RedirectStandardOutput = true,
                    RedirectStandardError = true,
                });
            return null;
        }
        catch (Exception exception) when (exception is Win32Exception or InvalidOperationException or PlatformNotSupportedException)
        {
            return exception.Message;
        }
    }
}
