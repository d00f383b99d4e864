using System.Globalization;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>A process group on Linux and macOS, identified by its leader: Ollama and its runners.</summary>
/// <param name="leader">The leader's process id.</param>
[UnsupportedOSPlatform("windows")]
internal sealed class ProcessGroup(int leader) : ChildFamily
{
    /// <summary>True while a member runs. Zombies do not count, because a container without an init never reaps them.</summary>
    public override bool IsAlive =>
        Posix.Kill(-leader, 0) == 0
        && (!OperatingSystem.IsLinux()
            || Directory.EnumerateDirectories("/proc").Any(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0]) && IsRunningMember(folder)));

    public override void Terminate() => Signal(leader, Posix.SigTerm);

    public override void Kill() => Signal(leader, Posix.SigKill);

    /// <summary>Signals every member; only the leader while it has not created the group yet (the first milliseconds).</summary>
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
            // "pid (name) state parent group …": the name can contain anything, so count the fields from the last parenthesis.
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
