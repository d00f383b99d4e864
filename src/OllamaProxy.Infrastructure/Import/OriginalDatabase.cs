using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Import;

namespace OllamaProxy.Infrastructure.Import;

/// <summary>The database of the original Ollama Metrics Proxy: one table, <c>interactions</c>, with columns that depend on its version. Read only.</summary>
public sealed class OriginalDatabase : IDisposable
{
    private const string Table = "interactions";

    private readonly SqliteConnection _connection;
    private readonly HashSet<string> _columns;

    private OriginalDatabase(SqliteConnection connection, HashSet<string> columns) => (_connection, _columns) = (connection, columns);

    public long Count
    {
        get
        {
            using var command = _connection.CreateCommand();
            command.CommandText = $"SELECT COUNT(*) FROM {Table}";
            return (long)command.ExecuteScalar()!;
        }
    }

    /// <summary>Opens a file. Throws <see cref="ImportException"/> with a readable message when it is not a database of the original.</summary>
    public static OriginalDatabase Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new ImportException($"{Path.GetFullPath(path)} does not exist. The original's database is ollama_analytics.db, in the folder "
                + $"ollama_analytics next to its program, or in {@"C:\ProgramData\OllamaProxy\analytics"} when it is a service.");
        }

        var connection = Connect(path, 5);
        try
        {
            connection.Open();
            var columns = ColumnsOf(connection);
            if (columns.Contains("timestamp"))
            {
                return new OriginalDatabase(connection, columns);
            }

            throw new ImportException($"{path} is a SQLite database, but not one of the original Ollama Metrics Proxy: it has no table {Table}.");
        }
        catch (SqliteException exception)
        {
            connection.Dispose();
            throw new ImportException($"{path} cannot be read ({exception.Message}). It must be the SQLite database of the original Ollama Metrics Proxy. "
                + "If the original still runs, stop it first.", exception);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>True when the file is a database of the original, not ours.</summary>
    internal static bool Is(string path)
    {
        using var connection = Connect(path, 2);
        connection.Open();
        using var version = connection.CreateCommand();
        version.CommandText = "PRAGMA user_version";
        return (long)version.ExecuteScalar()! == 0 && ColumnsOf(connection).Count > 0;
    }

    /// <summary>Merges the write-ahead log into the file. Throws <see cref="SqliteException"/> while another program uses it.</summary>
    internal static void Settle(string path)
    {
        using var connection = Connect(path, 2);
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; ROLLBACK";
        command.ExecuteNonQuery();
        if (File.Exists(path + "-wal") || File.Exists(path + "-journal"))
        {
            throw new SqliteException($"{path} is in use", 5);
        }
    }

    /// <summary>All rows in the order in which they were written.</summary>
    public async IAsyncEnumerable<OriginalInteraction> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var command = _connection.CreateCommand();
#pragma warning disable CA2100 // Names of this class only.
        command.CommandText =
            $"SELECT {string.Join(", ", s_columns.Select(name => _columns.Contains(name) ? name : $"NULL AS {name}"))} FROM {Table} ORDER BY id";
#pragma warning restore CA2100
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        while (await reader.ReadAsync(cancellationToken))
        {
            yield return Row(reader);
        }
    }

    public void Dispose() => _connection.Dispose();

    private static readonly string[] s_columns =
    [
        "id", "timestamp", "model", "endpoint", "prompt", "prompt_category", "response_preview", "duration_seconds", "tokens_generated", "tokens_per_second",
        "prompt_tokens", "load_duration", "total_duration", "time_to_first_token", "status_code", "status", "error_message", "user_agent", "client_ip",
    ];

    private static OriginalInteraction Row(SqliteDataReader reader)
    {
        var column = 0;
        return new OriginalInteraction
        {
            Id = Whole(reader, column++) ?? 0,
            Timestamp = Text(reader, column++),
            Model = Text(reader, column++),
            Endpoint = Text(reader, column++),
            Prompt = Text(reader, column++),
            Category = Text(reader, column++),
            Response = Text(reader, column++),
            Duration = Number(reader, column++),
            OutputTokens = Whole(reader, column++),
            TokensPerSecond = Number(reader, column++),
            InputTokens = Whole(reader, column++),
            LoadDuration = Number(reader, column++),
            TotalDuration = Number(reader, column++),
            TimeToFirstToken = Number(reader, column++),
            StatusCode = Whole(reader, column++),
            Status = Text(reader, column++),
            Error = Text(reader, column++),
            UserAgent = Text(reader, column++),
            Client = Text(reader, column),
        };
    }

    /// <summary>Not pooled, so the file is closed at once. Reading a write-ahead log that the original left needs write permission.</summary>
    internal static SqliteConnection Connect(string path, int timeoutSeconds) => new(new SqliteConnectionStringBuilder
    {
        DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = timeoutSeconds,
    }.ToString());

    private static HashSet<string> ColumnsOf(SqliteConnection connection)
    {
        using var command = connection.CreateCommand();
        command.CommandText = $"SELECT name FROM pragma_table_info('{Table}')";
        using var reader = command.ExecuteReader();
        HashSet<string> names = new(StringComparer.OrdinalIgnoreCase);
        while (reader.Read())
        {
            names.Add(reader.GetString(0));
        }

        return names;
    }

    /// <summary>The original's tables are not strict, so a column can hold any type.</summary>
    private static string? Text(SqliteDataReader reader, int column) => reader.GetValue(column) switch
    {
        string text => text,
        byte[] bytes => System.Text.Encoding.UTF8.GetString(bytes),
        DBNull => null,
        var value => Convert.ToString(value, CultureInfo.InvariantCulture),
    };

    private static double? Number(SqliteDataReader reader, int column) => reader.GetValue(column) switch
    {
        double number when double.IsFinite(number) => number,
        long whole => whole,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) => number,
        _ => null,
    };

    private static long? Whole(SqliteDataReader reader, int column) =>
        Number(reader, column) is { } number and > long.MinValue and < long.MaxValue ? (long)number : null;
}

/// <summary>A file that cannot be imported; the message tells the user what to do.</summary>
public sealed class ImportException(string message, Exception? innerException = null) : Exception(message, innerException);
