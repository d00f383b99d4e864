using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// Two hidden verbs with which this program starts itself between the proxy and Ollama. They give Ollama its own process group (Ctrl+C must not reach it while
/// requests run) and end it whenever the proxy ends. .NET cannot run our code between fork and exec, so it runs after a first exec.
/// <para><c>__child &lt;parent pid&gt; &lt;executable&gt; &lt;arguments&gt;</c> (Linux) requests the parent-death signal and replaces itself by Ollama, keeping
/// the process id.</para>
/// <para><c>__guard &lt;executable&gt; &lt;arguments&gt;</c> (macOS, which lacks that signal) starts Ollama and watches a pipe from the proxy until it
/// closes.</para>
/// </summary>
public static class ChildShim
{
    /// <summary>The verb that replaces itself by Ollama.</summary>
    public const string BecomeVerb = "__child";

    /// <summary>The verb that stays next to Ollama.</summary>
    public const string GuardVerb = "__guard";

    /// <summary>A shell's exit code for a command that cannot be executed.</summary>
    private const int CannotExecute = 126;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);

    /// <summary>The verb for this system; null where none is needed.</summary>
    public static string? Verb => OperatingSystem.IsLinux() ? BecomeVerb : OperatingSystem.IsMacOS() ? GuardVerb : null;

    /// <summary>True when these program arguments are for <see cref="RunAsync"/>.</summary>
    public static bool Handles(IReadOnlyList<string> args) => args is [BecomeVerb or GuardVerb, ..];

    /// <summary>The arguments that start Ollama through the shim.</summary>
    internal static IEnumerable<string> Arguments(string verb) =>
        verb == BecomeVerb ? [verb, Environment.ProcessId.ToString(CultureInfo.InvariantCulture)] : [verb];

    /// <summary>Runs the verb and returns the exit code.</summary>
    /// <param name="args">The program's arguments, starting with the verb.</param>
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

        await Console.Error.WriteLineAsync($"{args[0]} is an internal command of ollama-proxy and cannot be used directly.");
        return 2;
    }

    [SupportedOSPlatform("linux")]
    private static int Become(int parent, string executable, string?[] arguments)
    {
        // Unlike handlers, the signal mask and an ignored SIGPIPE survive exec, and Ollama's runners would inherit them.
        Posix.SignalMask(Posix.SetMask, new byte[Posix.SignalSetSize], 0);
        Posix.SetHandler(Posix.SigPipe, 0);
        Posix.SetProcessGroup(0, 0);

        // SIGTERM, not SIGKILL: Ollama then stops its runners, which would otherwise keep their memory forever.
        Posix.ProcessControl(Posix.SetParentDeathSignal, Posix.SigTerm, 0, 0, 0);
        if (Posix.ParentId() != parent)
        {
            return CannotExecute;
        }

        Posix.Execute(executable, arguments);
        Console.Error.WriteLine($"{executable}: {Marshal.GetLastPInvokeErrorMessage()}");
        return CannotExecute;
    }

    /// <summary>The guard leads the group and ignores signals meant for Ollama: it exits after Ollama, with its exit code.</summary>
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
            // The proxy is gone, or it closed the pipe to stop Ollama.
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
