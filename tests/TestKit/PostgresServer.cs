using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace OllamaProxy.TestKit;

/// <summary>
/// A PostgreSQL server for tests and benchmarks: a cluster in a temporary folder. It listens on a Unix socket there and runs as an unprivileged user.
/// </summary>
internal sealed class PostgresServer : IAsyncDisposable
{
    /// <summary>Why PostgreSQL is not available.</summary>
    public const string Reason = "PostgreSQL is not here; on Linux, ./build.sh test unpacks it into artifacts/postgres";

    /// <summary>PostgreSQL refuses to run as root; root runs it as <c>nobody</c>.</summary>
    private const string Nobody = "65534";

    /// <summary>Tests start many servers, and none of their records has to survive a power failure.</summary>
    private static readonly string[] s_testSettings = ["fsync=off", "jit=off"];

    private readonly string _programs;
    private readonly DirectoryInfo _folder;
    private readonly IReadOnlyList<string> _settings;
    private Process? _keeper;

    private PostgresServer(string programs, DirectoryInfo folder, IReadOnlyList<string> settings) =>
        (_programs, _folder, _settings) = (programs, folder, settings);

    /// <summary>The folder of the socket, which is the host in a connection string.</summary>
    public string Folder => _folder.FullName;

    private string Data => Path.Combine(_folder.FullName, "data");

    /// <summary>Starts one; null where there is no PostgreSQL.</summary>
    /// <param name="parent">The folder in which it gets one of its own; null for that of temporary files.</param>
    /// <param name="settings">Server settings, each as NAME=VALUE, which a benchmark chooses; null for those of tests.</param>
    public static async Task<PostgresServer?> StartAsync(string? parent = null, IReadOnlyList<string>? settings = null)
    {
        if (OperatingSystem.IsWindows() || FindPrograms() is not { } programs)
        {
            return null;
        }

        var folder = parent is null ? Directory.CreateTempSubdirectory("ollama-proxy-postgres-") : Directory.CreateDirectory(Path.Combine(parent, "server"));
        var server = new PostgresServer(programs, folder, settings ?? s_testSettings);
        if (Environment.IsPrivilegedProcess)
        {
            await server.RunAsync("chown", $"{Nobody}:{Nobody}", server._folder.FullName);
        }

        await server.RunAsync(
        [
            .. Unprivileged(Path.Combine(programs, "initdb")), "--pgdata", server.Data, "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8",
            "--locale=C", .. settings is null ? ["--wal-segsize=1"] : (string[])[],
        ]);
        await server.RestartAsync();
        return server;
    }

    /// <summary>Starts the server, even after a kill, and waits until it answers.</summary>
    public async Task RestartAsync()
    {
        // After a kill, child processes hold the shared memory for a moment, and a new server refuses to start until they have exited.
        while (true)
        {
            _keeper?.Dispose();
            _keeper = Keep(
            [
                .. Unprivileged(Path.Combine(_programs, "postgres")), "-D", Data, "-k", _folder.FullName, "-c", "listen_addresses=",
                "-c", "max_connections=200", .. _settings.SelectMany(setting => (string[])["-c", setting]),
            ]);
            var keeper = _keeper;
            await Eventually.TrueAsync(async () => keeper.HasExited || await AnswersAsync());
            if (!keeper.HasExited)
            {
                return;
            }
        }
    }

    /// <summary>Kills the main process of the server; its child processes notice it and exit.</summary>
    public async Task KillAsync()
    {
        var lines = await File.ReadAllLinesAsync(Path.Combine(Data, "postmaster.pid"));
        using var postmaster = Process.GetProcessById(int.Parse(lines[0], CultureInfo.InvariantCulture));
        postmaster.Kill();
        await _keeper!.WaitForExitAsync();
    }

    /// <summary>Stops the server in order; running transactions are rolled back.</summary>
    public async Task StopAsync()
    {
        if (_keeper is { HasExited: false })
        {
            _keeper.StandardInput.Close();
            await _keeper.WaitForExitAsync();
        }
    }

    /// <summary>Creates a database; returns its connection string.</summary>
    /// <param name="template">The connection string of the database to copy, which must have no connections; null for an empty database.</param>
    public async Task<string> CreateDatabaseAsync(string? template = null)
    {
        var name = $"t{Guid.NewGuid():N}";
        var copy = template is null ? "" : $" TEMPLATE {new NpgsqlConnectionStringBuilder(template).Database}";
        await RunSqlAsync(UrlOf("postgres"), $"CREATE DATABASE {name}{copy}");
        return UrlOf(name);
    }

    public async Task DropDatabaseAsync(string url) =>
        await RunSqlAsync(UrlOf("postgres"), $"DROP DATABASE IF EXISTS {new NpgsqlConnectionStringBuilder(url).Database} WITH (FORCE)");

    /// <summary>Runs SQL on a new connection, and returns the first value.</summary>
    public static async Task<object?> RunSqlAsync(string url, string sql)
    {
        await using var connection = new NpgsqlConnection(url + ";Pooling=False");
        await connection.OpenAsync();
#pragma warning disable CA2100 // The SQL comes from the tests.
        await using var command = new NpgsqlCommand(sql, connection);
#pragma warning restore CA2100
        return await command.ExecuteScalarAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _keeper?.Dispose();
        _folder.Delete(recursive: true);
    }

    private string UrlOf(string database) => $"Host={_folder.FullName};Username=postgres;Database={database}";

    private async Task<bool> AnswersAsync()
    {
        try
        {
            await RunSqlAsync(UrlOf("postgres"), "SELECT 1");
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    /// <summary>The newest version that is installed or was unpacked by <c>./build.sh test</c>.</summary>
    private static string? FindPrograms() =>
        new[] { Repository.PathOf("artifacts", "postgres", "usr", "lib", "postgresql"), "/usr/lib/postgresql" }
            .Where(Directory.Exists)
            .SelectMany(Directory.GetDirectories)
            .Select(folder => Path.Combine(folder, "bin"))
            .Concat((Environment.GetEnvironmentVariables()["PATH"] as string ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "postgres")) && File.Exists(Path.Combine(folder, "initdb")));

    /// <summary>The command that runs a program as an unprivileged user, because servers refuse to run as root.</summary>
    internal static string[] Unprivileged(string program) => Environment.IsPrivilegedProcess
        ? ["setpriv", $"--reuid={Nobody}", $"--regid={Nobody}", "--clear-groups", program]
        : [program];

    /// <summary>Runs a program until it exits or its standard input closes, which also happens when this process exits or is killed.</summary>
    private Process Keep(string[] command)
    {
        const string Script =
            """
            exec 3<&0
            "$@" >>"$LOG" 2>&1 <&- 3<&- & server=$!
            (read -r _ <&3; kill -INT $server 2>/dev/null) & reader=$!
            wait $server
            kill $reader 2>/dev/null
            """;
        var start = new ProcessStartInfo("/bin/sh", ["-c", Script, "sh", .. command]) { RedirectStandardInput = true, WorkingDirectory = "/" };
        start.Environment["LOG"] = Path.Combine(_folder.FullName, "log");
        SetEnvironment(start);
        return Process.Start(start)!;
    }

    private async Task RunAsync(params string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" };
        SetEnvironment(start);
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{command[0]}: {await errors}");
        }
    }

    /// <summary>The path of libraries that were unpacked beside the programs.</summary>
    private void SetEnvironment(ProcessStartInfo start)
    {
        var libraries = Path.GetFullPath(Path.Combine(_programs, "..", "..", ".."));
        if (libraries.StartsWith(Repository.Root, StringComparison.Ordinal))
        {
            start.Environment["LD_LIBRARY_PATH"] = string.Join(':', Directory.GetDirectories(libraries, "*-linux-*"));
        }
    }
}
