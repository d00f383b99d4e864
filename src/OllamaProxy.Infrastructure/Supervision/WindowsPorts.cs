using System.Buffers.Binary;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace OllamaProxy.Infrastructure.Supervision;

/// <summary>Finds a port's owner in Windows' table of listening sockets. Compiled, but not yet run on Windows (docs/supervision.md).</summary>
[SupportedOSPlatform("windows")]
internal static partial class WindowsPorts
{
    private const int InterNetwork = 2;
    private const int InterNetworkV6 = 23;
    private const int OwnerPidListeners = 3;

    /// <summary>MIB_TCPROW_OWNER_PID: state, local address, local port, remote address, remote port, pid; 4 bytes each, ports in network order.</summary>
    private static readonly (int Size, int Port, int Pid) s_row = (24, 8, 20);

    /// <summary>MIB_TCP6ROW_OWNER_PID: local address (16 bytes), scope, port, the same for the remote end, state, pid.</summary>
    private static readonly (int Size, int Port, int Pid) s_row6 = (56, 20, 52);

    public static PortOwner? Find(int port) =>
        (Owner(Table(InterNetwork), s_row, port) ?? Owner(Table(InterNetworkV6), s_row6, port)) is { } id ? Of(id) : null;

    /// <summary>The process that listens on a port, in a table that starts with its row count.</summary>
    internal static int? Owner(ReadOnlySpan<byte> table, (int Size, int Port, int Pid) row, int port)
    {
        var count = table.Length < sizeof(int) ? 0 : BinaryPrimitives.ReadInt32LittleEndian(table);
        for (var index = 0; index < count && sizeof(int) + ((index + 1) * row.Size) <= table.Length; index++)
        {
            var entry = table.Slice(sizeof(int) + (index * row.Size), row.Size);
            if (BinaryPrimitives.ReadUInt16BigEndian(entry[row.Port..]) == port)
            {
                return BinaryPrimitives.ReadInt32LittleEndian(entry[row.Pid..]);
            }
        }

        return null;
    }

    private static PortOwner Of(int id)
    {
        var name = NameOf(id);
        PortManager? manager = name?.ToUpperInvariant() switch
        {
            "OLLAMA" when Process.GetProcessesByName("ollama app").Length > 0 => PortManager.WindowsApp,
            "COM.DOCKER.BACKEND" or "DOCKER" or "VPNKIT" => PortManager.Docker,
            "WSLRELAY" or "WSLHOST" => PortManager.Wsl,
            _ => null,
        };
        return new PortOwner(id, name, manager);
    }

    private static string? NameOf(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return process.ProcessName;
        }
        catch (Exception exception) when (exception is ArgumentException or InvalidOperationException or Win32Exception)
        {
            return null;
        }
    }

    private static byte[] Table(int family)
    {
        var size = 0;
        GetExtendedTcpTable(null, ref size, order: false, family, OwnerPidListeners, 0);
        // The table can grow between the two calls.
        var table = new byte[size += 4_096];
        return GetExtendedTcpTable(table, ref size, order: false, family, OwnerPidListeners, 0) == 0 ? table : [];
    }

    [LibraryImport("iphlpapi")]
    private static partial uint GetExtendedTcpTable([Out] byte[]? table, ref int size, [MarshalAs(UnmanagedType.Bool)] bool order, int family, int kind,
        uint reserved);
}
