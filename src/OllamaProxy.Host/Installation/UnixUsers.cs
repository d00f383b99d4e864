using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Host.Installation;

/// <summary>Users of a Unix system.</summary>
[UnsupportedOSPlatform("windows")]
internal static partial class UnixUsers
{
    /// <summary>A user's home folder; null for an unknown user.</summary>
    public static string? HomeOf(string user) =>
        File.ReadLines("/etc/passwd").Select(line => line.Split(':')).FirstOrDefault(fields => fields.Length > 5 && fields[0] == user)?[5];

    [LibraryImport("libc", EntryPoint = "getuid")]
    public static partial uint CurrentId();
}
