using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Microsoft.Win32;

namespace OllamaProxy.Host.Installation;

/// <summary>The steps that use Windows' service manager and registry.</summary>
[SupportedOSPlatform("windows")]
internal static class WindowsServices
{
    private const string EventSources = @"SYSTEM\CurrentControlSet\Services\EventLog\Application";
    private const string ServiceKeys = @"SYSTEM\CurrentControlSet\Services";
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(250);

    public static void Run(Step step)
    {
        switch (step)
        {
            case SetWindowsService service:
                Set(service);
                break;
            case StartWindowsService service:
                using (var manager = ServiceManager.Open())
                using (var handle = manager.Find(service.Name) ?? throw new Win32Exception(ServiceManager.DoesNotExist))
                {
                    handle.Start();
                }

                break;
            case RemoveWindowsService service:
                Remove(service.Name);
                break;
            case AddEventSource source:
                using (var key = Registry.LocalMachine.CreateSubKey($@"{EventSources}\{source.Name}"))
                {
                    key.SetValue("EventMessageFile", @"%SystemRoot%\System32\EventCreate.exe", RegistryValueKind.ExpandString);
                    key.SetValue("TypesSupported", 7, RegistryValueKind.DWord);
                }

                break;
            case RemoveEventSource source:
                Registry.LocalMachine.DeleteSubKeyTree($@"{EventSources}\{source.Name}", throwOnMissingSubKey: false);
                break;
            default:
                throw new ArgumentException(step.Says, nameof(step));
        }
    }

    private static void Set(SetWindowsService wanted)
    {
        using var manager = ServiceManager.Open();
        using var service = manager.Create(wanted.Name, wanted.DisplayName, wanted.CommandLine, wanted.Account);
        service.Describe(wanted.Description);
        service.StartWithDelay();
        service.RestartAfter(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(30));
        using var key = Registry.LocalMachine.OpenSubKey($@"{ServiceKeys}\{wanted.Name}", writable: true)
            ?? throw new IOException($"The service {wanted.Name} has no key in the registry.");
        key.SetValue("Environment", wanted.Environment.Select(pair => $"{pair.Key}={pair.Value}").ToArray(), RegistryValueKind.MultiString);
    }

    /// <summary>A deleted service remains until all its handles are closed, and until then its name cannot be reused.</summary>
    private static void Remove(string name)
    {
        using var manager = ServiceManager.Open();
        using (var service = manager.Find(name))
        {
            if (service is null)
            {
                return;
            }

            service.Stop();
            Await(() => service.IsStopped, $"{name} does not stop.");
            service.Delete();
        }

        Await(
            () =>
            {
                using var left = manager.Find(name);
                return left is null;
            },
            $"{name} still exists. If the list of services is open, close it.");
    }

    private static void Await(Func<bool> isDone, string otherwise)
    {
        var begun = TimeProvider.System.GetTimestamp();
        while (!isDone())
        {
            if (TimeProvider.System.GetElapsedTime(begun) > s_patience)
            {
                throw new IOException(otherwise);
            }

            using var pause = new ManualResetEventSlim();
            pause.Wait(s_poll);
        }
    }
}
