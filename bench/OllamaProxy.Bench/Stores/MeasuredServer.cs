using System.Globalization;
using OllamaProxy.Bench.Run;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.TestKit;

namespace OllamaProxy.Bench.Stores;

/// <summary>The PostgreSQL server of a benchmark. It keeps every commit; only its memory and its log are larger than by default.</summary>
internal static class MeasuredServer
{
    private static readonly string[] s_settings = ["shared_buffers=2GB", "max_wal_size=8GB"];

    public static async Task<PostgresServer> StartAsync() =>
        await PostgresServer.StartAsync(settings: s_settings) ?? throw new InvalidOperationException(PostgresServer.Reason);

    /// <summary>Its version and settings.</summary>
    public static async Task<string> DescribeAsync(string url)
    {
        var version = (string)(await PostgresServer.RunSqlAsync(url, "SHOW server_version"))!;
        return $"PostgreSQL {version.Split(' ')[0]} on the same machine, with `{string.Join("`, `", s_settings)}`.";
    }

    public static async Task<long> CountAsync(string url, string sql) =>
        Convert.ToInt64(await PostgresServer.RunSqlAsync(url, sql) is { } value and not DBNull ? value : 0L, CultureInfo.InvariantCulture);

    /// <summary>A store that keeps everything.</summary>
    /// <param name="backend">Its backend.</param>
    /// <param name="folder">Its folder.</param>
    /// <param name="url">Its database; null for a store of files.</param>
    public static AnalyticsOptions OptionsOf(string backend, string folder, string? url) => new()
    {
        Backend = backend, Directory = folder, RetentionDays = 0, Database = url is null ? null : PostgresDatabase.Parse(url).Database,
    };

    /// <summary>The published program over such a store.</summary>
    public static RunningContestant StartProxy(Contestant ours, AnalyticsOptions options, string? url, int upstreamPort, Places places)
    {
        var environment = new Dictionary<string, string>(ours.Environment)
        {
            ["ANALYTICS_BACKEND"] = options.Backend, ["ANALYTICS_DIR"] = options.Directory, ["ANALYTICS_RETENTION_DAYS"] = "0",
        };
        if (url is not null)
        {
            environment["ANALYTICS_DATABASE_URL"] = url;
        }

        return RunningContestant.Start(ours with { Environment = environment }, upstreamPort, places);
    }
}
