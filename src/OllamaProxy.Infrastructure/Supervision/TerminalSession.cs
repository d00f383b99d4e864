using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Detaches the program from its terminal, like a daemon.</summary>
public static partial class TerminalSession
{
    private const int ReadWrite = 2;

    /// <summary>Leaves the terminal's session, so neither closing the terminal nor Ctrl+C in it ends this program. Windows has no such session.</summary>
    public static void Leave()
    {
        if (!OperatingSystem.IsWindows())
        {
            _ = NewSession();
        }
    }

    /// <summary>Redirects the standard streams to <c>/dev/null</c>.</summary>
    public static void CloseStreams()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var nowhere = Open("/dev/null", ReadWrite);
        for (var stream = 0; nowhere >= 0 && stream <= 2; stream++)
        {
            _ = Duplicate(nowhere, stream);
        }
    }

    [LibraryImport("libc", EntryPoint = "setsid", SetLastError = true)]
    [UnsupportedOSPlatform("windows")]
    private static partial int NewSession();

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [UnsupportedOSPlatform("windows")]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "dup2", SetLastError = true)]
    [UnsupportedOSPlatform("windows")]
    private static partial int Duplicate(int from, int to);
}
