using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// A job object on Windows: it contains the child and its descendants, and the system kills them when its last handle closes, which happens however our process
/// ends. Compiled, but not yet run on Windows (docs/supervision.md).
/// </summary>
[SupportedOSPlatform("windows")]
internal sealed partial class WindowsJob : ChildFamily
{
    private const int BasicAccountingInformation = 1;
    private const int ExtendedLimitInformation = 9;
    private const uint LimitKillOnJobClose = 0x2000;
    private const uint CtrlBreak = 1;

    private readonly Process _process;
    private readonly SafeFileHandle _job;

    public unsafe WindowsJob(Process process)
    {
        _process = process;
        _job = CreateJobObject(0, null);
        var limits = new ExtendedLimits { Basic = new BasicLimits { LimitFlags = LimitKillOnJobClose } };
        SetInformationJobObject(_job, ExtendedLimitInformation, in limits, sizeof(ExtendedLimits));
        // Ollama starts nothing in its first milliseconds, so no descendant is missed. The call fails for a child that has exited, which is harmless.
        AssignProcessToJobObject(_job, process.SafeHandle);
    }

    public override unsafe bool IsAlive =>
        !_process.HasExited
        || (QueryInformationJobObject(_job, BasicAccountingInformation, out var accounting, sizeof(BasicAccounting), 0) && accounting.ActiveProcesses > 0);

    /// <summary>
    /// Sends Ctrl+Break, the only signal for a single process group on Windows; Go treats it as an interrupt, so Ollama stops its runners. It needs a console:
    /// the child shares ours, and a service attaches to the child's.
    /// </summary>
    public override void Terminate()
    {
        if (_process.HasExited)
        {
            return;
        }

        if (HasConsole)
        {
            GenerateConsoleCtrlEvent(CtrlBreak, (uint)_process.Id);
        }
        else if (AttachConsole((uint)_process.Id))
        {
            GenerateConsoleCtrlEvent(CtrlBreak, (uint)_process.Id);
            FreeConsole();
        }
    }

    public override void Kill() => TerminateJobObject(_job, 1);

    /// <summary>True when this process has a console that a child can share.</summary>
    public static bool HasConsole => GetConsoleCodePage() != 0;

    public override void Dispose()
    {
        _job.Dispose();
        base.Dispose();
    }

    [LibraryImport("kernel32", EntryPoint = "CreateJobObjectW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial SafeFileHandle CreateJobObject(nint attributes, string? name);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool SetInformationJobObject(SafeFileHandle job, int kind, in ExtendedLimits information, int length);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool QueryInformationJobObject(SafeFileHandle job, int kind, out BasicAccounting information, int length, nint returned);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool AssignProcessToJobObject(SafeFileHandle job, SafeProcessHandle process);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool TerminateJobObject(SafeFileHandle job, uint exitCode);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool GenerateConsoleCtrlEvent(uint signal, uint group);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool AttachConsole(uint processId);

    [LibraryImport("kernel32", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool FreeConsole();

    [LibraryImport("kernel32", EntryPoint = "GetConsoleCP")]
    private static partial uint GetConsoleCodePage();

    /// <summary>JOBOBJECT_BASIC_LIMIT_INFORMATION.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct BasicLimits
    {
        public long PerProcessUserTimeLimit;
        public long PerJobUserTimeLimit;
        public uint LimitFlags;
        public nuint MinimumWorkingSetSize;
        public nuint MaximumWorkingSetSize;
        public uint ActiveProcessLimit;
        public nuint Affinity;
        public uint PriorityClass;
        public uint SchedulingClass;
    }

    /// <summary>JOBOBJECT_EXTENDED_LIMIT_INFORMATION; the six numbers in the middle are IO_COUNTERS.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct ExtendedLimits
    {
        public BasicLimits Basic;
        public ulong ReadOperationCount;
        public ulong WriteOperationCount;
        public ulong OtherOperationCount;
        public ulong ReadTransferCount;
        public ulong WriteTransferCount;
        public ulong OtherTransferCount;
        public nuint ProcessMemoryLimit;
        public nuint JobMemoryLimit;
        public nuint PeakProcessMemoryUsed;
        public nuint PeakJobMemoryUsed;
    }

    /// <summary>JOBOBJECT_BASIC_ACCOUNTING_INFORMATION.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct BasicAccounting
    {
        public long TotalUserTime;
        public long TotalKernelTime;
        public long ThisPeriodTotalUserTime;
        public long ThisPeriodTotalKernelTime;
        public uint TotalPageFaultCount;
        public uint TotalProcesses;
        public uint ActiveProcesses;
        public uint TotalTerminatedProcesses;
    }
}
