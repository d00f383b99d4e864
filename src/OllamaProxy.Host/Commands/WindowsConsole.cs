using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Host.Commands;

/// <summary>Windows' console shows escape sequences as text until a program asks it to interpret them.</summary>
[SupportedOSPlatform("windows")]
internal static partial class WindowsConsole
{
    private const int StandardOutput = -11;
    private const int StandardError = -12;
    private const uint EnableVirtualTerminalProcessing = 4;

    /// <summary>Asks for it; false when this console cannot. A stream that is no console, which FORCE_COLOR may color, needs no asking.</summary>
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
