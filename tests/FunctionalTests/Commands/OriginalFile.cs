using Microsoft.Data.Sqlite;

namespace OllamaProxy.FunctionalTests.Commands;

/// <summary>A database as the original program writes it, with its table, its text timestamps and its zeros for unknown values.</summary>
internal static class OriginalFile
{
    private const string Create =
        """
        CREATE TABLE interactions (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp DATETIME, model TEXT, endpoint TEXT, prompt TEXT,
            prompt_category TEXT, response_preview TEXT,
            duration_seconds REAL, tokens_generated INTEGER, tokens_per_second REAL, prompt_tokens INTEGER,
            load_duration REAL, total_duration REAL, status_code INTEGER,
            error_message TEXT, user_agent TEXT, client_ip TEXT, user TEXT, cost REAL, status TEXT, queue_time REAL, time_to_first_token REAL, metadata TEXT);
        CREATE INDEX idx_timestamp ON interactions(timestamp);
        """;

    /// <param name="path">The file.</param>
    /// <param name="ages">How old each row is.</param>
    public static void Write(string path, params TimeSpan[] ages)
    {
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        Execute(connection, Create);
        foreach (var age in ages)
        {
            var time = TimeProvider.System.GetUtcNow() - age;
            using var insert = connection.CreateCommand();
            insert.CommandText =
                """
                INSERT INTO interactions (timestamp, model, endpoint, prompt, prompt_category, response_preview, duration_seconds,
                    tokens_generated, tokens_per_second, prompt_tokens,
                    load_duration, total_duration, status_code, error_message, user_agent, client_ip,
                    user, cost, status, queue_time, time_to_first_token, metadata)
                VALUES ($timestamp, 'phi4', 'generate', 'Why is the sky blue?', 'question', 'Because', 2.5, 120, 60.5, 12, 0, 2.4, 200, '',
                    'curl/8.0', '127.0.0.1:51234', 'anonymous', 0, 'success', 0, 0.4, NULL)
                """;
            insert.Parameters.AddWithValue("$timestamp", FormattableString.Invariant($"{time:yyyy-MM-dd HH:mm:ss.fffffff}00 +0000 UTC m=+58.5"));
            insert.ExecuteNonQuery();
        }
    }

    public static void Execute(SqliteConnection connection, string sql)
    {
        using var command = connection.CreateCommand();
#pragma warning disable CA2100 // The SQL is a constant of the test.
        command.CommandText = sql;
#pragma warning restore CA2100
        command.ExecuteNonQuery();
    }
}
