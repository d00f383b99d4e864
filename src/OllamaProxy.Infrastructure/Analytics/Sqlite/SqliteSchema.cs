using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Settings of the file, and how an older one becomes a newer one (<see cref="SqliteMigrations"/>).</summary>
internal static class SqliteSchema
{
    /// <summary>The version this program writes.</summary>
    public static int Version => SqliteMigrations.All.Count;

    /// <summary>Settings of the file and of the writer's connection. The order matters: a file's vacuum mode is fixed once it has a page.</summary>
    public static void Prepare(SqliteConnection connection)
    {
        Execute(connection, "PRAGMA auto_vacuum = INCREMENTAL");
        Execute(connection, "PRAGMA journal_mode = WAL");
        Execute(connection, "PRAGMA synchronous = NORMAL");
        Execute(connection, "PRAGMA busy_timeout = 2000");
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
                $"the analytics database {path} was written by a newer ollama-proxy (its format is {version}, this program knows up to {SqliteMigrations.All.Count}). " +
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
