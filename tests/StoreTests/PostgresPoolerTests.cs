using Npgsql;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

/// <summary>Two proxies behind PgBouncer in transaction mode, where nothing may be kept in a session.</summary>
public sealed class PostgresPoolerTests(PostgresFixture fixture)
{
    [Fact]
    public async Task Two_proxies_write_search_and_delete_through_a_pool_of_transactions()
    {
        var server = fixture.Server();
        using var pooler = await PgBouncer.StartAsync(server.Folder);
        Assert.SkipWhen(pooler is null, PgBouncer.Reason);
        var url = await server.CreateDatabaseAsync();
        var pooled = new NpgsqlConnectionStringBuilder(url) { Host = pooler.Folder }.ConnectionString;
        var options = new AnalyticsOptions { Database = PostgresFixture.Database(pooled) };
        using var first = new PostgresAnalyticsStore(options, TimeProvider.System);
        using var second = new PostgresAnalyticsStore(options, TimeProvider.System);
        await Task.WhenAll(first.OpenAsync(default), second.OpenAsync(default));

        var random = new RandomRecords(4);
        var records = random.Some(600, TimeSpan.FromDays(2));
        await Task.WhenAll(WriteAsync(first, records.Where((_, index) => index % 2 == 0)), WriteAsync(second, records.Where((_, index) => index % 2 == 1)));
        await first.MaintainAsync();

        var all = await first.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Equal(600, all.Count);
        foreach (var store in (PostgresAnalyticsStore[])[first, second])
        {
            var filter = new RequestFilter { Search = "THE SKY" };
            var page = await store.SearchAsync(new RequestQuery { Filter = filter, Limit = 1_000 }, default);
            Assert.Equal(Expected.Ordered(all, filter, RequestOrder.Time, false), page.Records);
            await AssertStatsAsync(store, all);
            var gone = new RequestFilter { Client = store == first ? "10.0.0.7" : "10.0.0.8" };
            Assert.Equal(all.RemoveAll(record => Expected.Matches(record, gone)), await store.DeleteAsync(gone, default));
            await AssertStatsAsync(store, all);
        }

        await Task.WhenAll(WriteAsync(first, [Records.At(1)]), WriteAsync(second, [Records.At(2)]));
        await AssertStatsAsync(first, await second.ReadAsync(RequestFilter.Everything, default).ToListAsync());
        await server.DropDatabaseAsync(url);
    }

    private static async Task WriteAsync(PostgresAnalyticsStore store, IEnumerable<RequestRecord> records)
    {
        foreach (var batch in records.Chunk(40))
        {
            await store.WriteAsync(batch, default);
        }
    }

    private static async Task AssertStatsAsync(PostgresAnalyticsStore store, List<RequestRecord> all)
    {
        var query = new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1));
        Expected.AssertStats(all, query, await store.SummarizeAsync(query, default));
    }
}
