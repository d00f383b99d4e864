using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Host.Commands;

/// <summary>The Windows console prints escape sequences as text until a program enables their interpretation.</summary>
[SupportedOSPlatform("windows")]
internal static partial class WindowsConsole
{
    private const int StandardOutput = -11;
    private const int StandardError = -12;
    private const uint EnableVirtualTerminalProcessing = 4;

    /// <summary>Enables colors; false when the console does not support them. A redirected stream, which FORCE_COLOR can color, needs nothing.</summary>
    public static bool AcceptAnsi(bool isError)
    {
        var handle = GetStdHandle(isError ? StandardError : StandardOutput);
        return !GetConsoleMode(handle, out var mode) || SetConsoleMode(handle, mode | EnableVirtualTerminalProcessing);
    }

    [LibraryImport("kernel32")]
    private static partial nint GetStdHandle(int handle);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GetConsoleMode(nint handle, out uint mode);

    [LibraryImport("kernel32")]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetConsoleMode(nint handle, uint mode);
}
