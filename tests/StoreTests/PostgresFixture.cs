using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.TestKit;

[assembly: AssemblyFixture(typeof(OllamaProxy.StoreTests.PostgresFixture))]

namespace OllamaProxy.StoreTests;

/// <summary>One PostgreSQL server for all tests; each test has a database of its own.</summary>
public sealed class PostgresFixture : IAsyncLifetime
{
    /// <summary>Before every record of the tests, so that no day is over.</summary>
    public static readonly DateTimeOffset Now = new(2026, 11, 1, 12, 0, 0, TimeSpan.Zero);

    private PostgresServer? _server;
    private string? _template;

    public async ValueTask InitializeAsync()
    {
        _server = await PostgresServer.StartAsync();
        if (_server is not null)
        {
            // With tables: creating them takes longer than most tests.
            _template = await _server.CreateDatabaseAsync();
            await CreateTablesAsync(_template);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
    }

    /// <summary>The server; skips the test where there is none.</summary>
    internal PostgresServer Server()
    {
        Assert.SkipWhen(_server is null, PostgresServer.Reason);
        return _server;
    }

    /// <summary>A database with tables, but without records.</summary>
    internal Task<string> CreateDatabaseAsync() => Server().CreateDatabaseAsync(_template);

    internal static async Task CreateTablesAsync(string url)
    {
        using var store = new PostgresAnalyticsStore(new AnalyticsOptions { Database = Database(url) }, new FakeTimeProvider(Now));
        await store.OpenAsync(default);
        await store.MaintainAsync();
    }

    internal static PostgresDatabase Database(string url) =>
        PostgresDatabase.Parse(url).Database ?? throw new ArgumentException("The tests' own URL is wrong.");
}
