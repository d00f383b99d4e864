namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>The state of a database before this program changes it.</summary>
/// <param name="ServerVersion">The server's version as text.</param>
/// <param name="IsTooOld">Whether the server is older than <see cref="OldestServer"/>.</param>
/// <param name="HasTables">Whether the tables are there.</param>
/// <param name="MayCreate">Whether the user may create them, or need not.</param>
/// <param name="HasTrigrams">Whether texts can be indexed, or will be.</param>
public sealed record PostgresState(string ServerVersion, bool IsTooOld, bool HasTables, bool MayCreate, bool HasTrigrams)
{
    /// <summary>The oldest server whose SQL is enough.</summary>
    public const int OldestServer = 13;

    /// <summary>The schema that holds the tables.</summary>
    public const string Schema = PostgresSchema.Name;

    private const string Ask =
        $"""
        SELECT current_setting('server_version'), current_setting('server_version_num')::integer, to_regclass('{Schema}.versions') IS NOT NULL,
               COALESCE(has_schema_privilege(to_regnamespace('{Schema}')::oid, 'CREATE'), has_database_privilege(current_database(), 'CREATE')),
               EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm')
               OR (to_regclass('{Schema}.versions') IS NULL AND has_database_privilege(current_database(), 'CREATE')
                   AND EXISTS (SELECT 1 FROM pg_available_extensions WHERE name = 'pg_trgm'))
        """;

    /// <summary>Asks the server. Throws <see cref="Application.Analytics.AnalyticsStoreException"/> when it does not answer.</summary>
    public static async Task<PostgresState> OfAsync(PostgresDatabase database, CancellationToken cancellationToken)
    {
        using var connections = new PostgresConnections(database);
        return await connections.ReadAsync(
            async session => (await session.ListAsync(
                Ask,
                [],
                row => new PostgresState(row.GetString(0), row.GetInt32(1) < OldestServer * 10_000, row.GetBoolean(2), row.GetBoolean(3), row.GetBoolean(4)),
                cancellationToken))[0],
            cancellationToken);
    }
}
