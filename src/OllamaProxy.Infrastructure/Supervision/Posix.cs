using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>C library functions that .NET does not offer.</summary>
internal static partial class Posix
{
    public const int SigKill = 9;
    public const int SigPipe = 13;
    public const int SigTerm = 15;

    /// <summary><c>prctl</c>'s option PR_SET_PDEATHSIG.</summary>
    public const int SetParentDeathSignal = 1;

    /// <summary><c>sigprocmask</c>'s SIG_SETMASK on Linux.</summary>
    public const int SetMask = 2;

    /// <summary>Bytes of a <c>sigset_t</c>; glibc and musl both use 128.</summary>
    public const int SignalSetSize = 128;

    /// <summary>errno's ENOENT and ENOTDIR.</summary>
    public const int NoEntry = 2;
    public const int NotADirectory = 20;

    /// <summary><c>statx</c>'s AT_FDCWD, STATX_INO, and the size of its structure, which is the same on every architecture.</summary>
    public const int WorkingDirectory = -100;
    public const uint WantsInode = 0x100;
    public const int FileStatusSize = 256;

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [SupportedOSPlatform("linux")]
    public static partial int FileStatus(int folder, string path, int flags, uint mask, Span<byte> status);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [UnsupportedOSPlatform("windows")]
    public static partial int Kill(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "setpgid", SetLastError = true)]
    [UnsupportedOSPlatform("windows")]
    public static partial int SetProcessGroup(int pid, int group);

    [LibraryImport("libc", EntryPoint = "getppid")]
    [UnsupportedOSPlatform("windows")]
    public static partial int ParentId();

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    [SupportedOSPlatform("linux")]
    public static partial int ProcessControl(int option, nint argument2, nint argument3, nint argument4, nint argument5);

    [LibraryImport("libc", EntryPoint = "sigprocmask", SetLastError = true)]
    [SupportedOSPlatform("linux")]
    public static partial int SignalMask(int how, ReadOnlySpan<byte> set, nint old);

    [LibraryImport("libc", EntryPoint = "signal", SetLastError = true)]
    [UnsupportedOSPlatform("windows")]
    public static partial nint SetHandler(int signal, nint handler);

    /// <summary>The resource number differs: RLIMIT_NOFILE is 7 on Linux and 8 on macOS.</summary>
    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    [UnsupportedOSPlatform("windows")]
    public static partial int GetLimit(int resource, out ResourceLimit limit);

    /// <summary>Returns only on failure.</summary>
    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [UnsupportedOSPlatform("windows")]
    public static partial int Execute(string path, string?[] arguments);

    /// <summary><c>struct rlimit</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct ResourceLimit
    {
        public readonly nuint Current;
        public readonly nuint Most;
    }
}
