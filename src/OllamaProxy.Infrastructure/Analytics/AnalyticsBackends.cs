using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Infrastructure.Analytics.Jsonl;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The table of backends: a name for <c>ANALYTICS_BACKEND</c> and how to make the store. Adding one is one class and one row.</summary>
public static class AnalyticsBackends
{
    private static readonly (string Name, Func<IServiceProvider, IAnalyticsStore> Create)[] s_table =
    [
        ("sqlite", static services => new SqliteAnalyticsStore(services.GetRequiredService<AnalyticsOptions>(), services.GetService<ILogger<SqliteAnalyticsStore>>())),
        ("jsonl", static services => new JsonlAnalyticsStore(services.GetRequiredService<AnalyticsOptions>(), services.GetService<TimeProvider>() ?? TimeProvider.System)),
        ("none", static _ => new NullStore()),
    ];

    /// <summary>The names one may choose from.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. s_table.Select(row => row.Name)];

    internal static IAnalyticsStore Create(IServiceProvider services) =>
        Array.Find(s_table, row => row.Name == services.GetRequiredService<AnalyticsOptions>().Backend).Create(services);
}
