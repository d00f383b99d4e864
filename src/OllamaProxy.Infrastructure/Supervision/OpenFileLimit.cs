namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>How many files and sockets this process may have open.</summary>
public static class OpenFileLimit
{
    private const int Linux = 7;
    private const int MacOS = 8;

    /// <summary>The soft limit; null where there is none, as on Windows.</summary>
    public static int? Find() =>
        !OperatingSystem.IsWindows() && Posix.GetLimit(OperatingSystem.IsMacOS() ? MacOS : Linux, out var limit) == 0 && limit.Current < int.MaxValue
            ? (int)limit.Current
            : null;
}
