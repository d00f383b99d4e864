using System.Globalization;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Settings of the file, and its tables (<see cref="SqliteTables"/>, <see cref="SqliteRollups"/>).</summary>
internal static class SqliteSchema
{
    private const string BusyTimeout = "PRAGMA busy_timeout = 2000";

    /// <summary>The version this program writes. Files of 5 and 6 were written before the first release, from faf0d62 on, and are read, too.</summary>
    public const int Version = 7;

    private const int OldestVersion = 5;

    /// <summary>Refuses a database that another program made, before anything in it is changed.</summary>
    public static void RefuseForeign(SqliteConnection connection, string path)
    {
        if (Scalar(connection, "SELECT COUNT(*) FROM sqlite_schema") > 0
            && (Scalar(connection, "PRAGMA user_version") == 0
                || Scalar(connection, "SELECT COUNT(*) FROM pragma_table_info('requests') WHERE name = 'request_id'") == 0))
        {
            throw new AnalyticsStoreException($"{path} is a SQLite database of another program. Move it away, or set ANALYTICS_DIR to another folder.");
        }
    }

    /// <summary>Throws when anything in the file does not fit together. Takes as long as reading all of it.</summary>
    public static void Check(SqliteConnection connection)
    {
        using var command = Command(connection, "PRAGMA quick_check(1)");
        if ((string)command.ExecuteScalar()! is not "ok" and var finding)
        {
            throw new SqliteException(finding, SQLitePCL.raw.SQLITE_CORRUPT);
        }
    }

    /// <summary>Settings of the file and of the writer's connection. The order matters: a file's vacuum mode is fixed once it has a page.</summary>
    public static void Prepare(SqliteConnection connection)
    {
        Execute(connection, "PRAGMA auto_vacuum = INCREMENTAL");
        Execute(connection, "PRAGMA journal_mode = WAL");
        Execute(connection, "PRAGMA synchronous = NORMAL");
        Execute(connection, BusyTimeout);
        // What is purged leaves no trace in the file.
        Execute(connection, "PRAGMA secure_delete = ON");
    }

    /// <summary>Creates the tables, or completes those of an earlier file; refuses a file that a newer program wrote. All of it is one transaction.</summary>
    public static void Create(SqliteConnection connection, string path)
    {
        var version = (int)Scalar(connection, "PRAGMA user_version");
        if (version is > Version or (> 0 and < OldestVersion))
        {
            var (writer, way) = version > Version
                ? ("a newer ollama-proxy", "Use the newer program")
                : ("an early build of ollama-proxy", "Open it once with commit faf0d62");
            throw new AnalyticsStoreException(
                $"the analytics database {path} was written by {writer} (its format is {version}, this program supports {OldestVersion} to {Version}). " +
                $"{way}, or set ANALYTICS_DIR to another folder.");
        }

        var present = Columns(connection, "requests");
        var missing = SqliteTables.Requests.Where(column => !present.Contains(column.Name)).ToList();
        if (version == Version && missing.Count == 0 && SqliteRollups.Fit(connection))
        {
            return;
        }

        using var transaction = connection.BeginTransaction();
        if (version == 0)
        {
            Execute(connection, SqliteTables.Schema);
        }
        else
        {
            missing.ForEach(column => Execute(connection, $"ALTER TABLE requests ADD COLUMN {column.Name} {column.Type}"));
        }

        if (version is 5)
        {
            Execute(connection, SqliteTables.FromVersionFive);
        }

        if (version is 5 or 6)
        {
            Execute(connection, SqliteTables.DropPackedSums);
        }

        if (!SqliteRollups.Fit(connection))
        {
            SqliteRollups.Create(connection);
        }

        Execute(connection, $"PRAGMA user_version = {Version}");
        transaction.Commit();
    }

    /// <summary>The columns of a table; empty when there is no such table.</summary>
    public static HashSet<string> Columns(SqliteConnection connection, string table)
    {
        using var command = Command(connection, "SELECT name FROM pragma_table_info(@Table)");
        command.Parameters.AddWithValue("@Table", table);
        using var reader = command.ExecuteReader();
        HashSet<string> columns = [];
        while (reader.Read())
        {
            columns.Add(reader.GetString(0));
        }

        return columns;
    }

    /// <summary>Moves the write-ahead log into the file and empties it; false when a reader was in the way for longer than the milliseconds given.</summary>
    public static bool Checkpoint(SqliteConnection connection, int patience)
    {
        Execute(connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA busy_timeout = {patience}"));
        try
        {
            return Scalar(connection, "PRAGMA wal_checkpoint(TRUNCATE)") == 0;
        }
        finally
        {
            Execute(connection, BusyTimeout);
        }
    }

    /// <summary>A command in the connection's transaction, if it has one.</summary>
    public static SqliteCommand Command(SqliteConnection connection, string sql, params ReadOnlySpan<(string Name, long Value)> parameters)
    {
        var command = connection.CreateCommand();
#pragma warning disable CA2100 // Only texts of this assembly come here.
        command.CommandText = sql;
#pragma warning restore CA2100
        foreach (var (name, value) in parameters)
        {
            command.Parameters.AddWithValue(name, value);
        }

        return command;
    }

    public static long Scalar(SqliteConnection connection, string sql)
    {
        using var command = Command(connection, sql);
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>Runs to the end: some pragmas do a piece of their work for each row they return.</summary>
    public static void Execute(SqliteConnection connection, string sql)
    {
        using var command = Command(connection, sql);
        using var reader = command.ExecuteReader();
        do
        {
            while (reader.Read())
            {
            }
        }
        while (reader.NextResult());
    }
}
