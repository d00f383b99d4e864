using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// Two hidden verbs by which this program, started by itself, becomes what stands between us and Ollama, so that Ollama has a process group of its own
/// (Ctrl+C must not reach it while requests still run) and ends when we do, however we do. Between fork and exec, the only place where a process can be
/// given such things, .NET runs no code of ours; so the code runs after a first exec.
/// <para><c>__child &lt;parent pid&gt; &lt;executable&gt; &lt;arguments&gt;</c> (Linux) asks the kernel for a signal at our death and becomes Ollama by a
/// second exec, under the same id.</para>
/// <para><c>__guard &lt;executable&gt; &lt;arguments&gt;</c> (macOS, which has no such signal) starts Ollama and stays beside it until a pipe from us
/// closes.</para>
/// </summary>
public static class ChildShim
{
    /// <summary>The verb that becomes the child.</summary>
    public const string BecomeVerb = "__child";

    /// <summary>The verb that stays beside it.</summary>
    public const string GuardVerb = "__guard";

    /// <summary>The exit code of a shell that finds a command but cannot run it.</summary>
    private const int CannotExecute = 126;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>The verb for this system; null where neither is needed.</summary>
    public static string? Verb => OperatingSystem.IsLinux() ? BecomeVerb : OperatingSystem.IsMacOS() ? GuardVerb : null;

    /// <summary>Whether these arguments of the program are for <see cref="RunAsync"/>.</summary>
    public static bool Handles(IReadOnlyList<string> args) => args is [BecomeVerb or GuardVerb, ..];

    /// <summary>The arguments that put Ollama behind the shim.</summary>
    internal static IEnumerable<string> Arguments(string verb) =>
        verb == BecomeVerb ? [verb, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)] : [verb];

    /// <summary>Does what the verb says; the exit code.</summary>
    /// <param name="args">The program's arguments, the verb first.</param>
    public static async Task<int> RunAsync(IReadOnlyList<string> args)
    {
        if (OperatingSystem.IsLinux() && args is [BecomeVerb, var id, var executable, ..]
            && int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var parent))
        {
            return Become(parent, executable, [.. args.Skip(2), null]);
        }

        if (!OperatingSystem.IsWindows() && args is [GuardVerb, var guarded, ..])
        {
            return await GuardAsync(guarded, args.Skip(2));
        }

        await Console.Error.WriteLineAsync($"{args[0]} is for the program's own use.");
        return 2;
    }

    [SupportedOSPlatform("linux")]
    private static int Become(int parent, string executable, string?[] arguments)
    {
        // A mask and an ignored SIGPIPE, unlike handlers, are inherited through exec; Ollama's runners would get them too.
        Posix.SignalMask(Posix.SetMask, new byte[Posix.SignalSetSize], 0);
        Posix.SetHandler(Posix.SigPipe, 0);
        Posix.SetProcessGroup(0, 0);

        // SIGTERM, not SIGKILL: Ollama then ends its runners, which would otherwise keep their memory for ever.
        Posix.ProcessControl(Posix.SetParentDeathSignal, Posix.SigTerm, 0, 0, 0);
        if (Posix.ParentId() != parent)
        {
            return CannotExecute;
        }

        Posix.Execute(executable, arguments);
        Console.Error.WriteLine($"{executable}: {Marshal.GetLastPInvokeErrorMessage()}");
        return CannotExecute;
    }

    /// <summary>The guard leads the group and ignores the signals that are meant for Ollama: it ends when Ollama has, with its exit code.</summary>
    [UnsupportedOSPlatform("windows")]
    private static async Task<int> GuardAsync(string executable, IEnumerable<string> arguments)
    {
        Posix.SetProcessGroup(0, 0);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, static signal => signal.Cancel = true);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, static signal => signal.Cancel = true);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, static signal => signal.Cancel = true);
        using var ollama = new Process { StartInfo = new ProcessStartInfo(executable, arguments) { RedirectStandardInput = true } };
        try
        {
            ollama.Start();
        }
        catch (Win32Exception exception)
        {
            await Console.Error.WriteLineAsync($"{executable}: {exception.Message}");
            return CannotExecute;
        }

        ollama.StandardInput.Close();
        var ended = ollama.WaitForExitAsync();
        if (await Task.WhenAny(ended, EndOfInputAsync()) != ended)
        {
            // Whoever started us is gone, or wants Ollama gone.
            ProcessGroup.Signal(Environment.ProcessId, Posix.SigTerm);
            await Task.WhenAny(ended, Task.Delay(s_patience, TimeProvider.System));
            ProcessGroup.Signal(Environment.ProcessId, Posix.SigKill);
        }

        return ollama.ExitCode;
    }

    private static async Task EndOfInputAsync()
    {
        await using var input = Console.OpenStandardInput();
        var buffer = new byte[64];
        while (await input.ReadAsync(buffer) > 0)
        {
        }
    }
}
