using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32.SafeHandles;

namespace OllamaProxy.Host.Installation;

/// <summary>The Windows service control manager (winsvc.h).</summary>
[SupportedOSPlatform("windows")]
internal sealed partial class ServiceManager : SafeHandleZeroOrMinusOneIsInvalid
{
    /// <summary>ERROR_SERVICE_DOES_NOT_EXIST.</summary>
    public const int DoesNotExist = 1060;

    private const int NotActive = 1062;
    private const uint ManagerAllAccess = 0xF003F;
    private const uint ServiceAllAccess = 0xF01FF;
    private const uint OwnProcess = 0x10;
    private const uint AutoStart = 2;
    private const uint ErrorNormal = 1;
    private const uint ControlStop = 1;
    private const uint StateStopped = 1;
    private const uint ConfigDescription = 1;
    private const uint ConfigFailureActions = 2;
    private const uint ConfigDelayedAutoStart = 3;
    private const uint ConfigFailureActionsFlag = 4;
    private const int ActionRestart = 1;

    /// <summary>Seconds without a failure after which the failure count restarts.</summary>
    private const uint Day = 86_400;

    public ServiceManager()
        : base(ownsHandle: true)
    {
    }

    public bool IsStopped => QueryServiceStatus(this, out var status) && status.CurrentState == StateStopped;

    /// <summary>Throws <see cref="Win32Exception"/> without the rights of an administrator.</summary>
    public static ServiceManager Open() => Checked(OpenSCManager(null, null, ManagerAllAccess));

    /// <summary>Opens a service; null when it does not exist.</summary>
    public ServiceManager? Find(string name)
    {
        var service = OpenService(this, name, ServiceAllAccess);
        if (!service.IsInvalid)
        {
            return service;
        }

        service.Dispose();
        return Marshal.GetLastPInvokeError() == DoesNotExist ? null : throw new Win32Exception(Marshal.GetLastPInvokeError());
    }

    public ServiceManager Create(string name, string displayName, string commandLine, string? account) =>
        Checked(CreateService(this, name, displayName, ServiceAllAccess, OwnProcess, AutoStart, ErrorNormal, commandLine, null, 0, null, account, null));

    public void Start() => Check(StartService(this, 0, 0));

    public void Stop() => Check(ControlService(this, ControlStop, out _) || Marshal.GetLastPInvokeError() == NotActive);

    public void Delete() => Check(DeleteService(this));

    public unsafe void Describe(string text)
    {
        fixed (char* pointer = text)
        {
            var description = (nint)pointer;
            Check(ChangeServiceConfig2(this, ConfigDescription, (nint)(&description)));
        }
    }

    public unsafe void StartWithDelay()
    {
        var delayed = 1;
        Check(ChangeServiceConfig2(this, ConfigDelayedAutoStart, (nint)(&delayed)));
    }

    /// <summary>Sets the pauses before the first, second and every further restart, also after an exit with an error code.</summary>
    public unsafe void RestartAfter(params ReadOnlySpan<TimeSpan> pauses)
    {
        var actions = stackalloc FailureAction[pauses.Length];
        for (var index = 0; index < pauses.Length; index++)
        {
            actions[index] = new FailureAction { Type = ActionRestart, Milliseconds = (uint)pauses[index].TotalMilliseconds };
        }

        var failures = new FailureActions { ResetSeconds = Day, Count = (uint)pauses.Length, Actions = (nint)actions };
        Check(ChangeServiceConfig2(this, ConfigFailureActions, (nint)(&failures)));
        var alsoWithoutCrash = 1;
        Check(ChangeServiceConfig2(this, ConfigFailureActionsFlag, (nint)(&alsoWithoutCrash)));
    }

    protected override bool ReleaseHandle() => CloseServiceHandle(handle);

    private static ServiceManager Checked(ServiceManager handle) => handle.IsInvalid ? throw new Win32Exception(Marshal.GetLastPInvokeError()) : handle;

    private static void Check(bool succeeded)
    {
        if (!succeeded)
        {
            throw new Win32Exception(Marshal.GetLastPInvokeError());
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FailureAction
    {
        public int Type;
        public uint Milliseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct FailureActions
    {
        public uint ResetSeconds;
        public nint RebootMessage;
        public nint Command;
        public uint Count;
        public nint Actions;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct ServiceStatus
    {
        public uint ServiceType;
        public uint CurrentState;
        public uint ControlsAccepted;
        public uint ExitCode;
        public uint SpecificExitCode;
        public uint CheckPoint;
        public uint WaitHint;
    }

    [LibraryImport("advapi32", EntryPoint = "OpenSCManagerW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial ServiceManager OpenSCManager(string? machine, string? database, uint access);

    [LibraryImport("advapi32", EntryPoint = "OpenServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial ServiceManager OpenService(ServiceManager manager, string name, uint access);

    [LibraryImport("advapi32", EntryPoint = "CreateServiceW", SetLastError = true, StringMarshalling = StringMarshalling.Utf16)]
    private static partial ServiceManager CreateService(
        ServiceManager manager, string name, string displayName, uint access, uint type, uint start, uint error, string commandLine, string? group, nint tag,
            string? dependencies, string? account, string? password);

    [LibraryImport("advapi32", EntryPoint = "StartServiceW", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool StartService(ServiceManager service, uint count, nint arguments);

    [LibraryImport("advapi32", EntryPoint = "ControlService", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool ControlService(ServiceManager service, uint control, out ServiceStatus status);

    [LibraryImport("advapi32", EntryPoint = "QueryServiceStatus", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool QueryServiceStatus(ServiceManager service, out ServiceStatus status);

    [LibraryImport("advapi32", EntryPoint = "DeleteService", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool DeleteService(ServiceManager service);

    [LibraryImport("advapi32", EntryPoint = "ChangeServiceConfig2W", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool ChangeServiceConfig2(ServiceManager service, uint level, nint info);

    [LibraryImport("advapi32", EntryPoint = "CloseServiceHandle", SetLastError = true)]
    [return: MarshalAs(UnmanagedType.Bool)]
    private static partial bool CloseServiceHandle(nint handle);
}
