using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The table, its indexes and how an older file becomes a newer one.</summary>
internal static class SqliteSchema
{
    /// <summary>
    /// Each entry brings the file from the version of its position to the next; entries are only ever appended. Durations and times are whole microseconds, so
    /// that ranges and retention compare numbers.
    /// </summary>
    private static readonly string[] s_migrations =
    [
        """
        CREATE TABLE requests (
            id INTEGER PRIMARY KEY,
            request_id TEXT NOT NULL,
            timestamp_us INTEGER NOT NULL,
            model TEXT,
            endpoint TEXT NOT NULL,
            method TEXT NOT NULL,
            category TEXT NOT NULL,
            prompt TEXT,
            system TEXT,
            response TEXT,
            thinking TEXT,
            tool_calls TEXT,
            latency_us INTEGER NOT NULL,
            time_to_first_token_us INTEGER,
            time_to_headers_us INTEGER,
            mean_gap_us INTEGER,
            longest_gap_us INTEGER,
            input_tokens INTEGER,
            cached_input_tokens INTEGER,
            output_tokens INTEGER,
            tokens_estimated INTEGER NOT NULL,
            tokens_per_second REAL,
            total_duration_us INTEGER,
            load_duration_us INTEGER,
            load_cause TEXT,
            prompt_eval_duration_us INTEGER,
            eval_duration_us INTEGER,
            queue_time_us INTEGER,
            connect_time_us INTEGER,
            engine_wait_us INTEGER,
            decode_time_us INTEGER,
            back_pressure_us INTEGER,
            prompt_tokens_per_second REAL,
            error_type TEXT,
            truncation TEXT,
            status_code INTEGER,
            status TEXT NOT NULL,
            outcome TEXT NOT NULL,
            error TEXT,
            finish_reason TEXT,
            stream INTEGER,
            client_ip TEXT,
            user_agent TEXT,
            request_bytes INTEGER NOT NULL,
            response_bytes INTEGER NOT NULL,
            message_count INTEGER,
            image_count INTEGER,
            tool_count INTEGER,
            context_length INTEGER,
            temperature REAL,
            is_inference INTEGER NOT NULL
        ) STRICT;

        -- Newest first and ranges of time (SqliteQueries.Select), the purge, the oldest and the newest of the statistics.
        CREATE INDEX requests_by_time ON requests (timestamp_us);

        -- Newest first of one model (SqliteQueries.Select with a model).
        CREATE INDEX requests_by_model ON requests (model, timestamp_us);
        """,
    ];

    /// <summary>The version this program writes.</summary>
    public static int Version => s_migrations.Length;

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
        if (version > s_migrations.Length)
        {
            throw new AnalyticsStoreException(
                $"the analytics database {path} was written by a newer ollama-proxy (its format is {version}, this program knows up to {s_migrations.Length}). " +
                "Use the newer program, or set ANALYTICS_DIR to another folder.");
        }

        for (; version < s_migrations.Length; version++)
        {
            using var transaction = connection.BeginTransaction();
            Execute(connection, s_migrations[version], transaction);
            Execute(connection, $"PRAGMA user_version = {version + 1}", transaction);
            transaction.Commit();
        }
    }

    public static long Scalar(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        return (long)command.ExecuteScalar()!;
    }

    /// <summary>Runs to the end: some pragmas do a piece of their work for each row they return.</summary>
    public static void Execute(SqliteConnection connection, string sql, SqliteTransaction? transaction = null)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // Only texts of this assembly come here.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.Transaction = transaction;
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
