using System.Globalization;
using System.Text;

namespace OllamaProxy.Infrastructure.Logging;

/// <summary>
/// A log file of limited size with its predecessors: <c>ollama-proxy.log</c>, then <c>ollama-proxy.1.log</c> and so on, oldest last. Used by one thread.
/// </summary>
public sealed class RollingFile(string directory, long maxBytes, int maxFiles) : ILogOutput
{
    public const string Name = "ollama-proxy";

    private FileStream? _file;

    /// <summary>The current file.</summary>
    public string Path { get; } = PathOf(directory, 0);

    /// <summary>Lines that cannot be written are lost; the next write reopens the file.</summary>
    public void Write(StringBuilder lines)
    {
        var bytes = Encoding.UTF8.GetBytes(lines.ToString());
        if (_file is { Length: > 0 } full && full.Length + bytes.Length > maxBytes)
        {
            Roll();
        }

        Open();
        _file!.Write(bytes);
    }

    /// <summary>
    /// Opens the file, and creates it and its folder if needed. Throws <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> on failure.
    /// </summary>
    public void Open() => _file ??= OpenFile();

    public void Dispose() => Close();

    private static string PathOf(string directory, int age) =>
        System.IO.Path.Combine(directory, age == 0 ? $"{Name}.log" : string.Create(CultureInfo.InvariantCulture, $"{Name}.{age}.log"));

    /// <summary>Only the owner may read the log, because it shows the requests of each client.</summary>
    private FileStream OpenFile()
    {
        PrivateFiles.CreateFolder(directory);
        PrivateFiles.RefuseLink(Path);
        return PrivateFiles.Open(Path, FileMode.Append, FileShare.ReadWrite | FileShare.Delete, FileAccess.Write);
    }

    private void Roll()
    {
        Close();
        File.Delete(PathOf(directory, maxFiles - 1));
        for (var age = maxFiles - 2; age >= 0; age--)
        {
            if (File.Exists(PathOf(directory, age)))
            {
                File.Move(PathOf(directory, age), PathOf(directory, age + 1), overwrite: true);
            }
        }
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }
}
