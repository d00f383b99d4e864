using System.Buffers.Binary;
using System.Runtime.InteropServices;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Which file stands under a name: another one has another identity. On Linux device and inode, elsewhere the time it was created.</summary>
internal readonly record struct FileIdentity(ulong Device, ulong Number)
{
    /// <summary>Null when there is no such file.</summary>
    public static FileIdentity? Of(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            Span<byte> status = stackalloc byte[Posix.FileStatusSize];
            if (Posix.FileStatus(Posix.WorkingDirectory, path, 0, Posix.WantsInode, status) == 0)
            {
                return new FileIdentity(
                    ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(status[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(status[140..]),
                    BinaryPrimitives.ReadUInt64LittleEndian(status[32..]));
            }

            // A system that does not answer the question says nothing about the file.
            return Marshal.GetLastPInvokeError() is Posix.NoEntry or Posix.NotADirectory ? null : default(FileIdentity);
        }

        return File.Exists(path) ? new FileIdentity(0, (ulong)File.GetCreationTimeUtc(path).Ticks) : null;
    }

    /// <summary>Whether a file is no longer the one that was known; a file that could not be asked for counts as the same.</summary>
    public static bool HasChanged(FileIdentity? known, FileIdentity? now) => known != now && now != default(FileIdentity) && known != default(FileIdentity);
}
