using System.Globalization;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>
/// The file that the one program that writes a store holds. Once a store was opened under it, a word in it says so: a file beside it that cannot be
/// read is then a damaged one of ours, and not the file of a person who chose the same name.
/// </summary>
internal sealed class StoreLock : IDisposable
{
    private readonly FileStream _file;

    private StoreLock(FileStream file) => (_file, Size, WasUsed) = (file, file.Length, file.Length > 0);

    public string Path => _file.Name;

    /// <summary>Whether a store was opened under it before.</summary>
    public bool WasUsed { get; }

    /// <summary>Bytes on disk.</summary>
    public long Size { get; private set; }

    /// <summary>Null while another program holds it. Throws as <see cref="FileStream"/> does where it cannot be made or opened.</summary>
    public static StoreLock? Take(string path)
    {
        PrivateFiles.RefuseLink(path);
        try
        {
            return new StoreLock(PrivateFiles.Open(path, FileMode.OpenOrCreate, FileShare.None));
        }
        catch (IOException exception) when (IsHeld(exception))
        {
            return null;
        }
    }

    /// <summary>A store was opened under it.</summary>
    public void Mark()
    {
        try
        {
            if (!WasUsed)
            {
                _file.Write("ollama-proxy\n"u8);
                Size = _file.Length;
            }
        }
        // A full disk: the next start marks it.
        catch (IOException)
        {
        }
    }

    /// <summary>The name that a damaged file gets: with why and when.</summary>
    public static string NameAside(string path)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{path}.damaged-{TimeProvider.System.GetUtcNow():yyyyMMdd'T'HHmmss'Z'}");
        return Enumerable.Range(1, int.MaxValue)
            .Select(number => number == 1 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}-{number}"))
            .First(aside => !File.Exists(aside));
    }

    public void Dispose() => _file.Dispose();

    /// <summary>EAGAIN on Linux, EWOULDBLOCK on macOS, a sharing or lock violation on Windows: everything else is no other program's doing.</summary>
    private static bool IsHeld(IOException exception) => OperatingSystem.IsWindows() ? (exception.HResult & 0xFFFF) is 32 or 33 : exception.HResult is 11 or 35;
}
