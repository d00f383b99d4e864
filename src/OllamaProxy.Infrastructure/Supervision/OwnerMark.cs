using System.Globalization;
using System.Runtime.Versioning;
using System.Text;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// An environment variable that our child and its descendants inherit; it names their proxy. If a proxy and its Ollama are both killed, runners can remain and
/// hold gigabytes. The next start finds them by this mark and kills only those of a dead proxy, so other Ollamas, other proxies and containers are safe.
/// Linux only.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class OwnerMark
{
    public const string Name = "OLLAMA_PROXY_OWNER";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// The mark of this process: its id and its start time in kernel ticks since boot, because ids are reused. No process outlives the boot, so it is not part.
    /// </summary>
    public static string Own { get; } = $"{Environment.ProcessId}.{StartOf(Environment.ProcessId)}";

    /// <summary>Kills the orphans of dead proxies and waits until they are gone. Returns their names and ids.</summary>
    public static async Task<IReadOnlyList<string>> SweepAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        List<(int Id, string? Start, string Name)> orphans = [.. Orphans()];
        foreach (var (id, _, _) in orphans)
        {
            _ = Posix.Kill(id, Posix.SigKill);
        }

        var begun = time.GetTimestamp();
        while (orphans.Any(orphan => StartOf(orphan.Id) == orphan.Start) && time.GetElapsedTime(begun) < s_patience)
        {
            await Task.Delay(s_poll, time, cancellationToken);
        }

        return [.. orphans.Select(orphan => $"{orphan.Name} ({orphan.Id})")];
    }

    private static IEnumerable<(int Id, string? Start, string Name)> Orphans()
    {
        // In another PID namespace, the same ids mean other processes.
        var space = SpaceOf(Environment.ProcessId);
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
                && id != Environment.ProcessId
                && MarkOf(folder) is { } mark
                && !IsAlive(mark)
                && SpaceOf(id) == space
                && StartOf(id) is { } start)
            {
                yield return (id, start, ReadOrEmpty(Path.Combine(folder, "comm")).Trim());
            }
        }
    }

    private static string? MarkOf(string folder)
    {
        // Other users' environments are not readable, and their processes are not ours.
        var environment = ReadOrEmpty(Path.Combine(folder, "environ"));
        return environment.Split('\0').FirstOrDefault(variable => variable.StartsWith($"{Name}=", StringComparison.Ordinal))?[(Name.Length + 1)..];
    }

    /// <summary>True while the proxy of a mark runs. An unreadable mark counts as alive: an orphan is better than killing a live process.</summary>
    private static bool IsAlive(string mark) =>
        mark.Split('.') is not [var id, var start]
        || !int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var owner)
        || start.Length == 0
        || StartOf(owner) == start;

    /// <summary>The start time of a process (field 22 of its <c>stat</c>); null when it does not run.</summary>
    private static string? StartOf(int id)
    {
        var stat = ReadOrEmpty($"/proc/{id}/stat");
        // "pid (name) state …": the name can contain anything, so count the fields from the last parenthesis.
        var fields = stat.Length == 0 ? [] : stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields.Length > 19 && fields[0] is not ("Z" or "X") ? fields[19] : null;
    }

    private static string? SpaceOf(int id)
    {
        try
        {
            return new FileInfo($"/proc/{id}/ns/pid").LinkTarget;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string ReadOrEmpty(string path)
    {
        try
        {
            return File.ReadAllText(path, Encoding.Latin1);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
