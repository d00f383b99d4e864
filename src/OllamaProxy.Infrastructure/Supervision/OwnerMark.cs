using System.Globalization;
using System.Runtime.Versioning;
using System.Text;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>
/// A variable in the environment of our child, which everything it starts inherits: it names the proxy they belong to. When an earlier proxy and its Ollama
/// were both killed, a runner may be left that nobody knows and that holds gigabytes for ever; by its mark the next start finds it. Only what carries the mark
/// of a proxy that is dead is ended, so other Ollamas, those of a second proxy and those in containers are safe. Linux.
/// </summary>
[SupportedOSPlatform("linux")]
internal static class OwnerMark
{
    public const string Name = "OLLAMA_PROXY_OWNER";

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// The value for our own children: our process id and when we were started, in the kernel's ticks since its boot, because ids are used again. The boot is
    /// not in it: nothing outlives that.
    /// </summary>
    public static string Own { get; } = $"{Environment.ProcessId}.{StartOf(Environment.ProcessId)}";

    /// <summary>Kills what dead proxies left behind, and waits until it is gone. Returns the names and ids of what it killed.</summary>
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
        // Process ids of another namespace mean other processes here.
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
        // Those of other users cannot be read, and are none of our business.
        var environment = ReadOrEmpty(Path.Combine(folder, "environ"));
        return environment.Split('\0').FirstOrDefault(variable => variable.StartsWith($"{Name}=", StringComparison.Ordinal))?[(Name.Length + 1)..];
    }

    /// <summary>Whether the proxy that a mark names still runs. A mark that says nothing is taken for a living one: better an orphan too many.</summary>
    private static bool IsAlive(string mark) =>
        mark.Split('.') is not [var id, var start]
        || !int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var owner)
        || start.Length == 0
        || StartOf(owner) == start;

    /// <summary>When a process was started, the 22nd field of its <c>stat</c>; null when it does not run any more.</summary>
    private static string? StartOf(int id)
    {
        var stat = ReadOrEmpty($"/proc/{id}/stat");
        // "pid (name) state …": the name may hold anything, so the fields are counted from the last bracket.
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
