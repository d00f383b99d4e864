using System.Diagnostics;

namespace OllamaProxy.TestKit;

/// <summary>PgBouncer in transaction mode in front of a server: each transaction may get another session, without the state of the previous one.</summary>
internal sealed class PgBouncer : IDisposable
{
    /// <summary>Why PgBouncer is not available.</summary>
    public const string Reason = "PgBouncer is not here; on Linux, ./build.sh test unpacks it into artifacts/pgbouncer";

    private readonly Process _process;

    private PgBouncer(Process process, string folder) => (_process, Folder) = (process, folder);

    /// <summary>The folder of its socket, for use as the host.</summary>
    public string Folder { get; }

    /// <summary>Starts PgBouncer in front of a server; null if it is not installed.</summary>
    /// <param name="server">The folder of the server's socket.</param>
    public static async Task<PgBouncer?> StartAsync(string server)
    {
        if (Programs.Find("pgbouncer", "pgbouncer") is not { } program)
        {
            return null;
        }

        var folder = Directory.CreateDirectory(Path.Combine(server, "pooler"));
        var settings = Path.Combine(folder.FullName, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            settings,
            $"""
            [databases]
            * = host={server} user=postgres
            [pgbouncer]
            listen_addr =
            unix_socket_dir = {folder.FullName}
            listen_port = 5432
            auth_type = any
            pool_mode = transaction
            default_pool_size = 4
            server_reset_query = DISCARD ALL
            server_reset_query_always = 1
            """);
        var command = PostgresServer.Unprivileged(program);
        if (command.Length > 1)
        {
            using var chown = Process.Start("chown", ["-R", "65534:65534", folder.FullName]);
            await chown.WaitForExitAsync();
        }

        var process = Process.Start(new ProcessStartInfo(command[0], [.. command[1..], "--quiet", settings]) { WorkingDirectory = "/" })!;
        await Eventually.TrueAsync(() => process.HasExited || File.Exists(Path.Combine(folder.FullName, ".s.PGSQL.5432")));
        return process.HasExited ? throw new InvalidOperationException("PgBouncer ended at its start.") : new PgBouncer(process, folder.FullName);
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
