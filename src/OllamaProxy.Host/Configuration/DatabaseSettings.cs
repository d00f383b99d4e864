using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.Host.Configuration;

/// <summary>The database of the records: from a variable or a file, and only for the backend that uses one.</summary>
internal static class DatabaseSettings
{
    public const string Url = "ANALYTICS_DATABASE_URL";

    private const string File = "ANALYTICS_DATABASE_URL_FILE";

    public static ProxySettings Apply(ProxySettings settings, SettingValues values, List<string> problems)
    {
        if (settings.Analytics.Backend != AnalyticsBackends.Postgres)
        {
            var isUnused = settings.Analytics.Database is not null || settings.DatabaseFile is not null;
            return settings with
            {
                Analytics = settings.Analytics with { Database = null },
                Notices = isUnused ? [.. settings.Notices, $"{Url} does nothing without ANALYTICS_BACKEND={AnalyticsBackends.Postgres}."] : settings.Notices,
            };
        }

        if (settings.DatabaseFile is not { } file)
        {
            if (settings.Analytics.Database is null && string.IsNullOrWhiteSpace(values.Get(Url)))
            {
                problems.Add($"ANALYTICS_BACKEND={AnalyticsBackends.Postgres} needs {Url} or {File}.");
            }

            return settings;
        }

        if (!string.IsNullOrWhiteSpace(values.Get(Url)))
        {
            problems.Add($"{Url} and {values.NameOf(File)} are both set: unset one of them.");
            return settings;
        }

        try
        {
            var (database, problem) = PostgresDatabase.Parse(System.IO.File.ReadAllText(file).Trim());
            if (problem is not null)
            {
                problems.Add($"{values.NameOf(File)}={file}: its text {problem}.");
            }

            return settings with { Analytics = settings.Analytics with { Database = database } };
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problems.Add($"{values.NameOf(File)}={file}: cannot be read ({exception.Message}).");
            return settings;
        }
    }
}
