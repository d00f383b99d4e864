using OllamaProxy.Application.Analytics;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.Host.Commands.Diagnosis;

/// <summary>The database of the records.</summary>
internal static class DatabaseFindings
{
    public static async Task<IReadOnlyList<Finding>> OfAsync(ProxySettings settings, CancellationToken cancellationToken)
    {
        if (settings.Analytics.Database is not { } database)
        {
            return [];
        }

        try
        {
            var state = await PostgresState.OfAsync(database, cancellationToken);
            var tables = state.HasTables ? "its tables are there" : "the first start creates its tables";
            return
            [
                Finding.Ok("database", $"{database.Name} answers (PostgreSQL {state.ServerVersion}); {tables}."),
                .. state.IsTooOld
                    ? [Finding.Bad("database", $"PostgreSQL {state.ServerVersion} is too old.", $"Use {PostgresState.OldestServer} or newer.")]
                    : Array.Empty<Finding>(),
                .. state.MayCreate ? Array.Empty<Finding>() :
                [
                    Finding.Bad(
                        "database",
                        "this user may not create the tables.",
                        $"As an administrator, run: CREATE SCHEMA {PostgresState.Schema} AUTHORIZATION the_user;"),
                ],
                .. state.HasTrigrams ? Array.Empty<Finding>() :
                [
                    Finding.Note(
                        "database",
                        "the extension pg_trgm is missing, so text search reads every text in its range of time.",
                        "As an administrator, run: CREATE EXTENSION pg_trgm;"),
                ],
            ];
        }
        catch (AnalyticsStoreException exception)
        {
            return [Finding.Bad("database", exception.Message, "Until then records wait in memory and on disk, up to a limit. Clients are not affected.")];
        }
    }
}
