using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Import;

namespace OllamaProxy.Infrastructure.Import;

/// <summary>The database of the original Ollama Metrics Proxy: one table, <c>interactions</c>, to which versions added columns. Only read.</summary>
public sealed class OriginalDatabase : IDisposable
{
    private const string Table = "interactions";

    private readonly SqliteConnection _connection;
    private readonly HashSet<string> _columns;

    private OriginalDatabase(SqliteConnection connection, HashSet<string> columns) => (_connection, _columns) = (connection, columns);

    /// <summary>Rows there are.</summary>
    public long Count
    {
        get
        {
            using var command = _connection.CreateCommand();
            command.CommandText = $"SELECT COUNT(*) FROM {Table}";
            return (long)command.ExecuteScalar()!;
        }
    }

    /// <summary>Opens a file. Throws <see cref="ImportException"/> with a text for a person when it is none of the original's.</summary>
    public static OriginalDatabase Open(string path)
    {
        if (!File.Exists(path))
        {
            throw new ImportException($"There is no file {Path.GetFullPath(path)}. The original's is named ollama_analytics.db, in the folder "
                + $"ollama_analytics beside its program, or in {@"C:\ProgramData\OllamaProxy\analytics"} as a service.");
        }

        // Not pooled, so that the file is closed at once. Reading a log that the original left needs write permission.
        var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 5 }.ToString());
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
            throw new ImportException($"{path} cannot be read ({exception.Message}). It must be the SQLite database of the original Ollama Metrics Proxy; "
                + "if that still runs, stop it first.", exception);
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    /// <summary>True for a file that is the original's and not ours.</summary>
    internal static bool Is(string path)
    {
        using var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 2 }.ToString());
        connection.Open();
        using var version = connection.CreateCommand();
        version.CommandText = "PRAGMA user_version";
        return (long)version.ExecuteScalar()! == 0 && ColumnsOf(connection).Count > 0;
    }

    /// <summary>Moves everything into the one file. Throws <see cref="SqliteException"/> while another program uses it.</summary>
    internal static void Settle(string path)
    {
        using var connection = new SqliteConnection(
            new SqliteConnectionStringBuilder { DataSource = path, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 2 }.ToString());
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE; ROLLBACK";
        command.ExecuteNonQuery();
        if (File.Exists(path + "-wal") || File.Exists(path + "-journal"))
        {
            throw new SqliteException($"{path} is in use", 5);
        }
    }

    /// <summary>Every row, in the order they were written, one after the other.</summary>
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

    /// <summary>Its tables are not strict, so a column holds what was put there.</summary>
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

/// <summary>A file that cannot be imported; the message says what to do and is fit for a person.</summary>
public sealed class ImportException(string message, Exception? innerException = null) : Exception(message, innerException);
