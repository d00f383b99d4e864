using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// The hourly sums: plain tables, written in the transaction of the records that they sum. A removal deletes the sums of its hours and marks the hours as
/// stale, in the same transaction. Readers read the records of a stale hour until its sums are computed again.
/// </summary>
internal static class SqliteRollups
{
    public const long HourUs = 3_600_000_000;

    /// <summary>The client of records without one: a part of a primary key cannot be NULL.</summary>
    public const string NoClient = "";

    private const string ClientsByLabels = "hourly_clients_by_labels";

    private static readonly string s_schema =
        $"""
        DROP TABLE IF EXISTS labels;
        DROP TABLE IF EXISTS hourly;
        DROP TABLE IF EXISTS hourly_clients;
        DROP TABLE IF EXISTS hourly_client_labels;
        DROP TABLE IF EXISTS stale_hours;

        -- The combinations of labels that occur.
        CREATE TABLE labels (
            id INTEGER PRIMARY KEY,
            {StatLabel.Declarations("INTEGER", "TEXT")}
        ) STRICT;
        CREATE INDEX labels_by_value ON labels ({StatLabel.Columns});

        -- Sums by hour (hours since the Unix epoch) and labels. Seconds, but for load_us; a histogram has a logarithmic scale (docs/analytics-sqlite.md).
        CREATE TABLE hourly (
            hour INTEGER NOT NULL,
            labels_id INTEGER NOT NULL,
            {SqliteSums.Declarations},
            PRIMARY KEY (hour, labels_id)
        ) STRICT, WITHOUT ROWID;

        -- Whether labels still occur.
        CREATE INDEX hourly_by_labels ON hourly (labels_id);

        -- The same by client; '' is a record without one. Few rows, for the clients of everything, or of all inferences.
        CREATE TABLE hourly_clients (
            hour INTEGER NOT NULL,
            client TEXT NOT NULL,
            is_inference INTEGER NOT NULL,
            {SqliteSums.Declarations},
            PRIMARY KEY (hour, client, is_inference)
        ) STRICT, WITHOUT ROWID;

        -- The same by client and labels, for all other filters.
        CREATE TABLE hourly_client_labels (
            hour INTEGER NOT NULL,
            client TEXT NOT NULL,
            labels_id INTEGER NOT NULL,
            {SqliteSums.Declarations},
            PRIMARY KEY (hour, client, labels_id)
        ) STRICT, WITHOUT ROWID;

        -- The clients of some labels, without their histograms.
        CREATE INDEX {ClientsByLabels} ON hourly_client_labels (labels_id, hour, client, requests, errors, input_tokens, output_tokens);

        -- Hours without sums, whose records are to be read.
        CREATE TABLE stale_hours (hour INTEGER PRIMARY KEY) STRICT;
        INSERT INTO stale_hours SELECT DISTINCT timestamp_us / {HourUs} - (timestamp_us % {HourUs} < 0) FROM requests;
        """;

    /// <summary>Whether the tables are there with the declared columns, and the last index.</summary>
    public static bool Fit(SqliteConnection connection)
    {
        string[] sums = ["hour", "client", "labels_id", .. SqliteSums.Columns.Split(", ")];
        string[] labels = ["id", .. StatLabel.All.Select(label => label.Field.Column)];
        return SqliteSchema.Columns(connection, "hourly_client_labels").SetEquals(sums) && SqliteSchema.Columns(connection, "labels").SetEquals(labels)
            && SqliteSchema.Scalar(connection, $"SELECT COUNT(*) FROM sqlite_schema WHERE name = '{ClientsByLabels}'") == 1;
    }

    /// <summary>
    /// Creates the tables, instead of those with other columns. Then all hours are stale, and their sums are computed while the program runs. Nothing is lost,
    /// because everything in them follows from the records.
    /// </summary>
    public static void Create(SqliteConnection connection) => SqliteSchema.Execute(connection, s_schema);

    public static long HourOf(long timestampUs) => (long)Math.Floor(timestampUs / (double)HourUs);

    /// <summary>Adds new records to the sums of their hours, but not to stale hours, whose sums will be computed from all records.</summary>
    public static void Add(SqliteConnection connection, IEnumerable<StatRow> rows)
    {
        using var stale = new SqliteStatement(connection, "SELECT 1 FROM stale_hours WHERE hour = ?");
        foreach (var group in rows.GroupBy(row => HourOf(row.TimestampUs)))
        {
            stale.Bind(group.Key);
            if (!stale.Run())
            {
                var hour = new SqliteHour();
                foreach (var row in group)
                {
                    hour.Add(row);
                }

                hour.Write(connection, group.Key);
            }
        }
    }

    /// <summary>Removes the sums of the hours of removed records. An hour that still has records becomes stale.</summary>
    public static void Drop(SqliteConnection connection, IEnumerable<long> timestamps)
    {
        foreach (var hour in timestamps.Select(HourOf).Distinct())
        {
            Forget(connection, hour);
            using var command = SqliteSchema.Command(
                connection,
                "INSERT INTO stale_hours SELECT @Hour WHERE EXISTS (SELECT 1 FROM requests WHERE timestamp_us BETWEEN @First AND @Last)",
                ("@Hour", hour),
                ("@First", hour * HourUs),
                ("@Last", (hour * HourUs) + HourUs - 1));
            command.ExecuteNonQuery();
        }
    }

    /// <summary>The newest stale hour, and how many there are.</summary>
    public static (long? Newest, long Count) FindStale(SqliteConnection connection)
    {
        using var command = SqliteSchema.Command(connection, "SELECT MAX(hour), COUNT(*) FROM stale_hours");
        using var reader = command.ExecuteReader();
        reader.Read();
        return (reader.IsDBNull(0) ? null : reader.GetInt64(0), reader.GetInt64(1));
    }

    /// <summary>Sums the records that an hour has now, on a reader's connection, because a busy hour takes a while. Also returns the last position.</summary>
    public static (SqliteHour Sums, long Last) SumUp(SqliteConnection connection, long hour)
    {
        using var transaction = connection.BeginTransaction(deferred: true);
        var sums = new SqliteHour();
        var last = SqliteSchema.Scalar(connection, "SELECT COALESCE(MAX(id), 0) FROM requests");
        Read(connection, hour, SqliteCandidates.All, sums);
        return (sums, last);
    }

    /// <summary>Writes the sums of a stale hour. No record may have been removed since they were computed; later ones are added here.</summary>
    public static void Restore(SqliteConnection connection, long hour, SqliteHour sums, long last)
    {
        using var transaction = connection.BeginTransaction();
        Read(connection, hour, SqliteCandidates.After(last), sums);
        Forget(connection, hour);
        sums.Write(connection, hour);
        transaction.Commit();
    }

    /// <summary>Removes labels that no record has any more.</summary>
    public static void RemoveUnusedLabels(SqliteConnection connection) =>
        SqliteSchema.Execute(connection, "DELETE FROM labels WHERE NOT EXISTS (SELECT 1 FROM hourly WHERE hourly.labels_id = labels.id)");

    private static void Read(SqliteConnection connection, long hour, SqliteCandidates candidates, SqliteHour sums) =>
        SqliteSummary.ReadRows(
            connection,
            new SqliteFilter(new RequestFilter { From = Micros.Instant(hour * HourUs), To = Micros.Instant((hour * HourUs) + HourUs - 1) }),
            candidates,
            row => sums.Add(row));

    private static void Forget(SqliteConnection connection, long hour)
    {
        using var command = SqliteSchema.Command(
            connection,
            """
            DELETE FROM hourly WHERE hour = @Hour;
            DELETE FROM hourly_clients WHERE hour = @Hour;
            DELETE FROM hourly_client_labels WHERE hour = @Hour;
            DELETE FROM stale_hours WHERE hour = @Hour;
            """,
            ("@Hour", hour));
        command.ExecuteNonQuery();
    }
}
