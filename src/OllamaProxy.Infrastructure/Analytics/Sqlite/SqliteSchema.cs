using System.Globalization;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Settings of the file, and how an older one becomes a newer one (<see cref="SqliteMigrations"/>).</summary>
internal static class SqliteSchema
{
    private const string BusyTimeout = "PRAGMA busy_timeout = 2000";

    /// <summary>The version this program writes.</summary>
    public static int Version => SqliteMigrations.All.Count;

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

    /// <summary>Brings the file to <see cref="Version"/>; refuses one that a newer program wrote.</summary>
    public static void Migrate(SqliteConnection connection, string path)
    {
        var version = (int)Scalar(connection, "PRAGMA user_version");
        if (version > SqliteMigrations.All.Count)
        {
            throw new AnalyticsStoreException(
                $"the analytics database {path} was written by a newer ollama-proxy (its format is {version}, this program supports up to {SqliteMigrations.All.Count}). " +
                "Use the newer program, or set ANALYTICS_DIR to another folder.");
        }

        for (; version < SqliteMigrations.All.Count; version++)
        {
            using var transaction = connection.BeginTransaction();
            Execute(connection, SqliteMigrations.All[version]);
            Execute(connection, $"PRAGMA user_version = {version + 1}");
            transaction.Commit();
        }
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
