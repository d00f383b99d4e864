using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Infrastructure.Analytics.Jsonl;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The table of backends: a name for <c>ANALYTICS_BACKEND</c> and how to make the store. Adding one is one class and one row.</summary>
public static class AnalyticsBackends
{
    /// <summary>The backend that needs <see cref="AnalyticsOptions.Database"/>.</summary>
    public const string Postgres = "postgres";

    private static readonly (string Name, Func<IServiceProvider, StoreSuspicion, IAnalyticsStore> Create)[] s_table =
    [
        ("sqlite", static (services, suspicion) =>
            new SqliteAnalyticsStore(services.GetRequiredService<AnalyticsOptions>(), services.GetService<ILogger<SqliteAnalyticsStore>>(), suspicion)),
        ("jsonl", static (services, suspicion) =>
            new JsonlAnalyticsStore(services.GetRequiredService<AnalyticsOptions>(), services.GetService<TimeProvider>() ?? TimeProvider.System, suspicion)),
        (Postgres, static (services, _) => new PostgresAnalyticsStore(
            services.GetRequiredService<AnalyticsOptions>(),
            services.GetService<TimeProvider>() ?? TimeProvider.System,
            services.GetService<IRecordSpool>() as PostgresSpool,
            services.GetService<ILogger<PostgresAnalyticsStore>>())),
        ("none", static (_, _) => new NullStore()),
    ];

    /// <summary>The names one may choose from.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_table.Select(row => row.Name)];

    internal static IAnalyticsStore Create(IServiceProvider services, StoreSuspicion suspicion = StoreSuspicion.None) =>
        Array.Find(s_table, row => row.Name == services.GetRequiredService<AnalyticsOptions>().Backend).Create(services, suspicion);
}
