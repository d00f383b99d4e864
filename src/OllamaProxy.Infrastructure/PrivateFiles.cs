namespace OllamaProxy.Infrastructure;

/// <summary>
/// Files and folders that their owner alone may read, from the moment they exist: what people asked, who asked it, and tokens stand in them. On Windows they
/// inherit the access list of the folder they are made in.
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

    /// <summary>Opens a file without a buffer; one that is there is taken from others. Throws as <see cref="FileStream"/> does.</summary>
    public static FileStream Open(string path, FileMode mode, FileShare share, FileAccess access = FileAccess.ReadWrite)
    {
        var options = new FileStreamOptions { Mode = mode, Access = access, Share = share, BufferSize = 0 };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = ReadWrite;
        }

        var file = new FileStream(path, options);
        Tighten(path);
        return file;
    }

    /// <summary>Takes from others whatever they may do with a file, where it is there and ours to say so.</summary>
    public static void Tighten(string path)
    {
        try
        {
            const UnixFileMode Owner = ReadWrite | UnixFileMode.UserExecute;
            if (!OperatingSystem.IsWindows() && File.Exists(path) && File.GetUnixFileMode(path) is var mode && (mode & ~Owner) != 0)
            {
                File.SetUnixFileMode(path, mode & Owner);
            }
        }
        // Another user's file, or a file system that is read-only or knows no modes.
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    /// <summary>Throws where a name leads elsewhere: who may write to the folder could have us write into any file of ours.</summary>
    public static void RefuseLink(string path)
    {
        if (new FileInfo(path).LinkTarget is { } target)
        {
            throw new IOException($"{path} is a symbolic link to {target}; remove it");
        }
    }

    /// <summary>Whether other users may make, and so also replace, files in a folder. With the sticky bit they may not touch those of others.</summary>
    public static bool MayOthersWrite(string folder) =>
        !OperatingSystem.IsWindows() && Directory.Exists(folder) && File.GetUnixFileMode(folder) is var mode
        && (mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0 && (mode & UnixFileMode.StickyBit) == 0;
}
