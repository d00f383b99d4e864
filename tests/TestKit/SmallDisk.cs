using System.Diagnostics;

namespace OllamaProxy.TestKit;

/// <summary>A file system in memory, small enough to be filled. Mounting it requires root.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;

    private SmallDisk(string folder) => _folder = folder;

    /// <summary>Why it cannot be mounted.</summary>
    public const string Reason = "a small file system can be mounted by root on Linux only";

    /// <summary>Mounts a small file system over a folder; null if that is not permitted.</summary>
    public static SmallDisk? TryMount(string folder, string size) =>
        OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", $"size={size},mode=700", "tmpfs", folder) ? new SmallDisk(folder) : null;

    private string Filler => Path.Combine(_folder, "filler");

    /// <summary>Writes a file until nothing more fits.</summary>
    public void Fill()
    {
        using var stream = new FileStream(Filler, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        var zeros = new byte[4_096];
        try
        {
            while (true)
            {
                stream.Write(zeros);
            }
        }
        catch (IOException)
        {
        }
    }

    /// <summary>Removes what <see cref="Fill"/> wrote.</summary>
    public void Clear() => File.Delete(Filler);

    public void MakeReadOnly()
    {
        if (!Run("mount", "-o", "remount,ro", _folder))
        {
            throw new IOException($"{_folder} could not be made read-only.");
        }
    }

    public void Dispose() => Run("umount", "--lazy", _folder);

    private static bool Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            process.StandardError.ReadToEnd();
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
