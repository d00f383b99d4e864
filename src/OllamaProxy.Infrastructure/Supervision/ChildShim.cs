using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// The hidden verb <c>__child &lt;parent pid&gt; &lt;executable&gt; &lt;arguments&gt;</c>: this program, started by itself, becomes Ollama. Between fork and exec is the
/// only place where a process can be given its own group (so that Ctrl+C does not reach Ollama while requests still run) and the wish to be ended when its
/// parent dies, and .NET runs no code of ours there; so the code runs after a first exec, and a second one makes the process Ollama under the same id.
/// </summary>
public static class ChildShim
{
    /// <summary>The verb.</summary>
    public const string Verb = "__child";

    /// <summary>The exit code of a shell that finds a command but cannot run it.</summary>
    private const int CannotExecute = 126;

    /// <summary>Whether this system has what the shim needs.</summary>
    [SupportedOSPlatformGuard("linux")]
    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>Becomes the child; returns an exit code only when that failed.</summary>
    /// <param name="args">The program's arguments, the verb first.</param>
    public static int Become(IReadOnlyList<string> args)
    {
        if (!IsSupported || args.Count < 3 || !int.TryParse(args[1], NumberStyles.None, CultureInfo.InvariantCulture, out var parent))
        {
            Console.Error.WriteLine($"{Verb} is for the program's own use.");
            return 2;
        }

        return Become(parent, args[2], [.. args.Skip(2), null]);
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
}
