namespace OllamaProxy.Infrastructure;

/// <summary>
/// Files and folders that their owner alone may read, from the moment they exist: what people asked, who asked it, and tokens stand in them. On Windows they inherit
/// the access list of the folder they are made in.
/// </summary>
public static class PrivateFiles
{
    private const UnixFileMode ReadWrite = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>Makes a folder and those above it; one that is there stays as it is. Throws as <see cref="Directory.CreateDirectory(string)"/> does.</summary>
    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, ReadWrite | UnixFileMode.UserExecute);
        }
    }

    /// <summary>Opens a file without a buffer; one that is there keeps its mode. Throws as <see cref="FileStream"/> does.</summary>
    public static FileStream Open(string path, FileMode mode, FileShare share, FileAccess access = FileAccess.ReadWrite)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = ReadWrite;
        }

        return new FileStream(path, options);
    }
}
