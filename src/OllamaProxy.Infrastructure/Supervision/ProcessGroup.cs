using System.Globalization;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>A process group on Linux and macOS, named by its leader's id: Ollama and every runner it started.</summary>
/// <param name="leader">The leader's process id.</param>
[UnsupportedOSPlatform("windows")]
internal sealed class ProcessGroup(int leader) : ChildFamily
{
    /// <summary>Whether a member still runs. Zombies do not count, because a container without an init never reaps them.</summary>
    public override bool IsAlive =>
        Posix.Kill(-leader, 0) == 0
        && (!OperatingSystem.IsLinux()
            || Directory.EnumerateDirectories("/proc").Any(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0]) && IsRunningMember(folder)));

    public override void Terminate() => Signal(leader, Posix.SigTerm);

    public override void Kill() => Signal(leader, Posix.SigKill);

    /// <summary>Sends a signal to every member. Before the leader has made its group (the first milliseconds of its life), to the leader alone.</summary>
    public static void Signal(int group, int signal)
    {
        if (Posix.Kill(-group, signal) != 0)
        {
            Posix.Kill(group, signal);
        }
    }

    private bool IsRunningMember(string folder)
    {
        try
        {
            // "pid (name) state parent group …"; the name may hold spaces and brackets, so the fields are counted from the last bracket.
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ', 4);
            return fields[0] is not ("Z" or "X") && int.Parse(fields[2], CultureInfo.InvariantCulture) == leader;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
