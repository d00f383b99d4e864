namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>The limit of open files and sockets of this process.</summary>
public static class OpenFileLimit
{
    private const int Linux = 7;
    private const int MacOS = 8;

    /// <summary>The soft limit; null without one, as on Windows.</summary>
    public static int? Find() =>
        !OperatingSystem.IsWindows() && Posix.GetLimit(OperatingSystem.IsMacOS() ? MacOS : Linux, out var limit) == 0 && limit.Current < int.MaxValue
            ? (int)limit.Current
            : null;
}
