using System.Diagnostics;

namespace OllamaProxy.StoreTests;

/// <summary>A file system in memory, small enough to be filled. Mounting one takes the rights to do so; without, the test is skipped.</summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly string _folder;

    private SmallDisk(string folder) => _folder = folder;

    public static SmallDisk Mount(string folder, string size)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Run("mount", "-t", "tmpfs", "-o", $"size={size},mode=700", "tmpfs", folder), "a small file system can be mounted by root on Linux only");
        return new SmallDisk(folder);
    }

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

    public void MakeReadOnly() => Assert.True(Run("mount", "-o", "remount,ro", _folder));

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
