using System.Globalization;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Finds a port's owner in <c>/proc</c>: the inode of the socket in the connection table, and the process that has it open.</summary>
[SupportedOSPlatform("linux")]
internal static class LinuxPorts
{
    private const string Listening = "0A";

    public static PortOwner? Find(int port)
    {
        (string User, string Inode)? found = null;
        foreach (var table in (string[])["/proc/net/tcp", "/proc/net/tcp6"])
        {
            found ??= Listener(Read(table), port);
        }

        if (found is not var (user, inode))
        {
            return null;
        }

        var processes = Directory.EnumerateDirectories("/proc").Where(folder => char.IsAsciiDigit(Path.GetFileName(folder)[0])).ToList();
        if (processes.FirstOrDefault(folder => HasOpen(folder, inode)) is { } holder)
        {
            return Of(holder);
        }

        // Another user's process: its open files are not readable, but its name and unit are. If that user has one Ollama, it is most likely the owner.
        var alike = processes.Where(folder => UserOf(folder) == user && NameOf(folder) == "ollama").ToList();
        return alike is [var only] ? Of(only) : new PortOwner(null, null, User: NameOfUser(user));
    }

    /// <summary>The user id and inode of the listening socket, from the kernel's table.</summary>
    /// <param name="table">Lines of <c>sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode …</c>, addresses in hexadecimal.</param>
    /// <param name="port">The port.</param>
    internal static (string User, string Inode)? Listener(string table, int port)
    {
        var suffix = $":{port.ToString("X4", CultureInfo.InvariantCulture)}";
        foreach (var line in table.Split('\n').Skip(1))
        {
            var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length > 9 && fields[3] == Listening && fields[1].EndsWith(suffix, StringComparison.Ordinal))
            {
                return (fields[7], fields[9]);
            }
        }

        return null;
    }

    /// <summary>The systemd service in a <c>cgroup</c> file; null without one. A user manager (<c>user@</c>) is not a service to stop.</summary>
    internal static string? UnitOf(string cgroup) =>
        cgroup.Split('\n').SelectMany(static line => line.Split('/'))
            .LastOrDefault(static part => part.EndsWith(".service", StringComparison.Ordinal) && !part.StartsWith("user@", StringComparison.Ordinal));

    private static PortOwner Of(string folder)
    {
        var name = NameOf(folder);
        var cgroup = Read(Path.Combine(folder, "cgroup"));
        var unit = UnitOf(cgroup);
        PortManager? manager =
            name is "docker-proxy"
                or "rootlessport"
                or "conmon"
                || cgroup.Contains("/docker-", StringComparison.Ordinal)
                || cgroup.Contains("/docker/", StringComparison.Ordinal) ? PortManager.Docker :
            unit is not null ? PortManager.Systemd :
            null;
        return new PortOwner(int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture), name, manager, manager == PortManager.Systemd ? unit : null);
    }

    private static bool HasOpen(string folder, string inode)
    {
        try
        {
            return Directory.EnumerateFiles(Path.Combine(folder, "fd")).Any(file => new FileInfo(file).LinkTarget == $"socket:[{inode}]");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    private static string NameOf(string folder) => Read(Path.Combine(folder, "comm")).Trim();

    private static string? UserOf(string folder) =>
        Read(Path.Combine(folder, "status")).Split('\n').FirstOrDefault(static line => line.StartsWith("Uid:", StringComparison.Ordinal))?.Split('\t')[1];

    private static string NameOfUser(string id) =>
        Read("/etc/passwd").Split('\n').Select(static line => line.Split(':')).FirstOrDefault(fields => fields.Length > 2 && fields[2] == id)?[0] ?? id;

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
