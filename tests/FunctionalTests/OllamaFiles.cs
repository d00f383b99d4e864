using System.Globalization;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>A folder with stand-ins for <c>ollama</c>: one that starts a runner, one that dies. Linux and macOS.</summary>
internal sealed class OllamaFiles : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-test-");

    /// <summary>The simulated Ollama as a process with the name of the real one.</summary>
    public static string Ollama { get; } = ProxyProcess.BuildOutput("tests/OllamaProcess", OperatingSystem.IsWindows() ? "ollama.exe" : "ollama");

    public string Folder => _folder.FullName;

    /// <summary>An Ollama that starts a runner, as the real one does for each loaded model.</summary>
    /// <param name="stubborn">True for a runner that ignores SIGTERM.</param>
    public string WithRunner(bool stubborn = false) => Script($"{(stubborn ? "trap '' TERM" : "")}\nsleep 600 &\ntrap - TERM\nexec '{Ollama}' \"$@\"");

    /// <summary>An executable file called <c>ollama</c> with the given shell commands.</summary>
    public string Script(string commands)
    {
        var path = Path.Combine(Folder, "ollama");
        File.WriteAllText(path, $"#!/bin/sh\n{commands}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }

        return path;
    }

    /// <summary>The running processes of a process group. A zombie counts only while it has threads, because they keep its sockets open.</summary>
    public static IReadOnlyList<int> RunningInGroup(int leader) =>
    [
        .. from folder in Directory.EnumerateDirectories("/proc")
           where int.TryParse(Path.GetFileName(folder), out _)
           let fields = Fields(folder)
           where fields is not null && (fields[0] is not ("Z" or "X") || HasThreads(folder)) && fields[2] == leader.ToString(CultureInfo.InvariantCulture)
           select int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture),
    ];

    public void Dispose() => _folder.Delete(recursive: true);

    private static bool HasThreads(string folder)
    {
        try
        {
            return Directory.GetDirectories(Path.Combine(folder, "task")).Length > 1;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string[]? Fields(string folder)
    {
        try
        {
            var stat = File.ReadAllText(Path.Combine(folder, "stat"));
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ', 4);
        }
        catch (IOException)
        {
            return null;
        }
    }
}
