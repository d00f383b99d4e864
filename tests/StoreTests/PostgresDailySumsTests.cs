using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.StoreTests;

/// <summary>Sums by day, which statistics use in place of the hours of past days.</summary>
public sealed class PostgresDailySumsTests(PostgresFixture fixture) : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(PostgresFixture.Now);
    private readonly List<PostgresAnalyticsStore> _opened = [];
    private string _url = "";

    public async ValueTask InitializeAsync() => _url = await fixture.CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        _opened.ForEach(store => store.Dispose());
        if (_url.Length > 0)
        {
            await fixture.Server().DropDatabaseAsync(_url);
        }
    }

    [Fact]
    public async Task Statistics_stay_right_when_a_record_of_a_past_day_comes_late_or_is_removed()
    {
        var (store, other) = (await OpenAsync(), await OpenAsync());
        List<RequestRecord> all = [.. Enumerable.Range(0, 120).Select(At)];
        await store.WriteAsync(all[..50], default);
        await other.WriteAsync(all[50..100], default);
        await AssertStatsAsync(store, all[..100]);

        _time.Advance(TimeSpan.FromDays(3));
        await store.Upkeep;
        await store.MaintainAsync();
        Assert.Equal(3L, await AskAsync("SELECT count(DISTINCT start) FROM ollama_proxy.daily"));
        await AssertStatsAsync(other, all[..100]);

        // The second day gets ten records more; the others keep their sums.
        List<RequestRecord> late = [.. Enumerable.Range(0, 10).Select(index => At(30) with { RequestId = $"late{index}", ClientIp = "10.0.0.9" })];
        await other.WriteAsync([.. late, .. all[100..]], default);
        await AssertStatsAsync(store, [.. all, .. late]);
        await store.MaintainAsync();
        await AssertStatsAsync(other, [.. all, .. late]);

        Assert.Equal(10, await other.DeleteAsync(new RequestFilter { Client = "10.0.0.9" }, default));
        await AssertStatsAsync(store, all);
        await store.MaintainAsync();
        await AssertStatsAsync(store, all);

        var secondDay = new DateTimeOffset(2026, 11, 2, 0, 0, 0, TimeSpan.Zero);
        await store.RetainAsync(new(secondDay, null, null), default);
        await AssertStatsAsync(other, [.. all.Where(record => record.Timestamp >= secondDay)]);
        Assert.Equal(0L, await AskAsync("SELECT count(*) FROM ollama_proxy.daily WHERE start < '2026-11-02'"));
    }

    /// <summary>A record every 40 minutes.</summary>
    private static RequestRecord At(int index) => Records.At(index * 2_400) with
    {
        ClientIp = $"10.0.0.{index % 3}", Model = $"model{index % 2}", Latency = TimeSpan.FromSeconds(1 + index), TokensPerSecond = index,
    };

    private static async Task AssertStatsAsync(PostgresAnalyticsStore store, List<RequestRecord> all)
    {
        var (start, end) = (all.Min(record => record.Timestamp), all.Max(record => record.Timestamp));
        foreach (var filter in (RequestFilter[])
        [
            RequestFilter.Everything,
            new() { Model = "model1" },
            new() { Client = "10.0.0.1", Model = "model1" },
            new() { From = start.AddHours(-2), To = end.AddHours(-3) },
            new() { From = start.AddHours(7), To = end },
        ])
        {
            foreach (var query in (StatsQuery[])
            [
                new(filter), new(filter, TimeSpan.FromDays(1), SplitBy: StatDimension.Client), new(filter, TimeSpan.FromHours(1), SplitBy: StatDimension.Model),
            ])
            {
                Expected.AssertStats(all, query, await store.SummarizeAsync(query, default));
            }
        }
    }

    private async Task<PostgresAnalyticsStore> OpenAsync()
    {
        var store = new PostgresAnalyticsStore(new AnalyticsOptions { Database = PostgresFixture.Database(_url) }, _time);
        _opened.Add(store);
        await store.OpenAsync(default);
        return store;
    }

    private Task<object?> AskAsync(string sql) => TestKit.PostgresServer.RunSqlAsync(_url, sql);
}
