using Microsoft.Extensions.Time.Testing;
using Npgsql;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;

namespace OllamaProxy.StoreTests;

/// <summary>One database, several proxies and versions, and connections that break.</summary>
public sealed class PostgresSharingTests(PostgresFixture fixture) : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(PostgresFixture.Now);
    private readonly List<PostgresAnalyticsStore> _opened = [];
    private string _url = "";

    public async ValueTask InitializeAsync() => _url = await fixture.Server().CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        _opened.ForEach(store => store.Dispose());
        if (_url.Length > 0)
        {
            await fixture.Server().DropDatabaseAsync(_url);
        }
    }

    [Fact]
    public async Task Proxies_that_start_together_create_the_tables_once()
    {
        var stores = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => OpenAsync()));
        await Task.WhenAll(stores.Select((store, index) => store.WriteAsync([Records.At(index)], default)));

        Assert.Equal(4, (await stores[0].DescribeAsync(default)).TotalRecords);
        Assert.Equal(1L, await AskAsync("SELECT count(*) FROM ollama_proxy.versions"));
    }

    [Fact]
    public async Task Records_count_for_as_long_as_they_are_there_whatever_is_forgotten_of_their_writers()
    {
        var (first, second) = (await OpenAsync(), await OpenAsync());
        await first.WriteAsync([Records.At(1), Records.At(2), Records.At(3)], default);
        await second.WriteAsync([Records.At(4)], default);
        await Task.WhenAll(first.Upkeep, second.Upkeep);

        await AskAsync("UPDATE ollama_proxy.writers SET seen = now() - interval '401 days' WHERE records = 3");
        await first.MaintainAsync();
        Assert.Equal(1L, await AskAsync("SELECT count(*) FROM ollama_proxy.writers"));
        await second.DeleteAsync(new RequestFilter { To = Records.At(2).Timestamp }, default);

        Assert.Equal(2, (await second.DescribeAsync(default)).TotalRecords);
        await first.WriteAsync([Records.At(5)], default);
        await AssertStatsAsync(first, await second.ReadAsync(RequestFilter.Everything, default).ToListAsync());
    }

    [Theory]
    [InlineData(PostgresCut.BeforeCommit)]
    [InlineData(PostgresCut.AfterCommit)]
    public async Task A_commit_that_is_not_confirmed_is_neither_lost_nor_repeated(PostgresCut cut)
    {
        using var relay = new PostgresRelay(fixture.Server());
        var store = await OpenAsync(new NpgsqlConnectionStringBuilder(_url) { Host = relay.Folder }.ConnectionString);
        List<RequestRecord> batch = [.. Enumerable.Range(0, 10).Select(Records.At)];
        await store.WriteAsync(batch[..4], default);
        await store.Upkeep;

        relay.Cut = cut;
        await Assert.ThrowsAsync<AnalyticsStoreException>(() => store.WriteAsync(batch[4..7], default));
        Assert.Equal(PostgresCut.None, relay.Cut);
        await store.WriteAsync(batch[4..], default);
        await store.WriteAsync([Records.At(10)], default);

        var all = await store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Equal(Enumerable.Range(0, 11).Select(Records.At).Reverse(), all.Select(record => record with { Id = 0 }));
        await AssertStatsAsync(store, all);
    }

    [Fact]
    public async Task Sums_are_right_when_one_proxy_removes_records_of_another()
    {
        var (first, second) = (await OpenAsync(), await OpenAsync());
        await first.WriteAsync([Records.At(1), Records.At(2) with { ClientIp = "10.0.0.1" }], default);
        await second.WriteAsync([Records.At(3), Records.At(4) with { ClientIp = "10.0.0.1" }], default);

        Assert.Equal(2, await second.DeleteAsync(new RequestFilter { Client = "10.0.0.1" }, default));
        await first.WriteAsync([Records.At(5)], default);
        await second.WriteAsync([Records.At(6) with { ClientIp = "10.0.0.1" }], default);

        var all = await first.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Equal(4, all.Count);
        await AssertStatsAsync(first, all);
        await AssertStatsAsync(second, all);
    }

    [Fact]
    public async Task A_day_is_dropped_once_and_records_of_it_may_come_again()
    {
        var (first, second) = (await OpenAsync(), await OpenAsync());
        await first.WriteAsync([.. Enumerable.Range(0, 100).Select(Records.At)], default);
        var rules = new RetentionRules(Records.At(2 * 86_400).Timestamp, null, null);

        var results = await Task.WhenAll(first.RetainAsync(rules, default), second.RetainAsync(rules, default));
        try
        {
            await first.WriteAsync([Records.At(1)], default);
        }
        // The writer found its partition gone, unless upkeep has created it again; the next try creates it.
        catch (AnalyticsStoreException)
        {
            await first.WriteAsync([Records.At(1)], default);
        }

        Assert.Equal(100, results.Sum(result => result.Records));
        var all = await second.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Single(all);
        await AssertStatsAsync(second, all);
    }

    [Fact]
    public async Task Texts_of_a_day_that_is_over_are_found_by_an_index()
    {
        var store = await OpenAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 3_000).Select(second => Records.At(second) with { Prompt = $"why is number {second} so" })], default);
        // What began with the write would hold the lease.
        await store.Upkeep;
        _time.Advance(TimeSpan.FromDays(3));

        await store.MaintainAsync();

        Assert.Equal(true, await AskAsync("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ollama_proxy.texts_20261101_trigrams'::regclass"));
        var plan = await AskAsync("SET enable_seqscan = off; EXPLAIN (FORMAT JSON) SELECT id FROM ollama_proxy.texts WHERE folded LIKE '%NUMBER 17 SO%'");
        Assert.Contains("texts_20261101_trigrams", (string)plan!, StringComparison.Ordinal);
        var found = Assert.Single(await store.ReadAsync(new RequestFilter { Search = "Number 17 so" }, default).ToListAsync());
        Assert.Equal(Records.At(17).Timestamp, found.Timestamp);
    }

    [Fact]
    public async Task A_database_of_a_newer_program_is_used_unless_it_says_that_it_cannot_be()
    {
        await (await OpenAsync()).WriteAsync([Records.At(1)], default);
        await AskAsync("UPDATE ollama_proxy.versions SET version = 99");
        Assert.Equal(1, (await (await OpenAsync()).DescribeAsync(default)).TotalRecords);

        await AskAsync("UPDATE ollama_proxy.versions SET oldest_program = 99");
        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(() => OpenAsync());
        Assert.Contains("newer ollama-proxy", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_user_without_rights_is_told_what_an_administrator_must_run()
    {
        await AskAsync("DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN");
        var guest = new NpgsqlConnectionStringBuilder(_url) { Username = "guest" }.ConnectionString;

        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(() => OpenAsync(guest));
        Assert.Contains("CREATE SCHEMA ollama_proxy AUTHORIZATION", exception.Message, StringComparison.Ordinal);
        var state = await PostgresState.OfAsync(PostgresFixture.Database(guest), default);
        Assert.Equal((false, false, false, false), (state.IsTooOld, state.HasTables, state.MayCreate, state.HasTrigrams));

        // Without the extension, too.
        await AskAsync("CREATE SCHEMA ollama_proxy AUTHORIZATION guest");
        var store = await OpenAsync(guest);
        await store.WriteAsync([Records.At(1) with { Prompt = "why" }], default);
        _time.Advance(TimeSpan.FromDays(3));
        await store.MaintainAsync();
        Assert.Single(await store.ReadAsync(new RequestFilter { Search = "WH" }, default).ToListAsync());
        state = await PostgresState.OfAsync(PostgresFixture.Database(guest), default);
        Assert.Equal((true, true, false), (state.HasTables, state.MayCreate, state.HasTrigrams));
    }

    [Fact]
    public async Task Half_a_surrogate_pair_keeps_no_record_from_being_written()
    {
        var store = await OpenAsync();

        await store.WriteAsync([Records.At(1) with { Prompt = "half a \ud83d pair", Model = "a\0b" }], default);

        var record = Assert.Single(await store.ReadAsync(RequestFilter.Everything, default).ToListAsync());
        Assert.Equal(("half a \ufffd pair", "a\u2400b"), (record.Prompt, record.Model));
        Assert.Equal(["a\u2400b"], await store.ModelsAsync(default));
    }

    [Fact]
    public async Task A_connection_that_breaks_while_records_are_read_is_an_error_of_the_store()
    {
        var store = await OpenAsync();
        // More than the buffers of a connection hold.
        await store.WriteAsync([.. Enumerable.Range(0, 4_000).Select(second => Records.At(second) with { Prompt = new string('x', 1_000) })], default);
        await store.Upkeep;

        await using var records = store.ReadAsync(RequestFilter.Everything, default).GetAsyncEnumerator();
        Assert.True(await records.MoveNextAsync());
        await AskAsync("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");

        await Assert.ThrowsAsync<AnalyticsStoreException>(async () =>
        {
            while (await records.MoveNextAsync())
            {
            }
        });
    }

    [Fact]
    public async Task A_day_that_is_being_read_ends_the_retention_until_the_next_run()
    {
        var store = await OpenAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 3).Select(day => Records.At(day * 86_400))], default);
        await store.Upkeep;
        var rules = new RetentionRules(Records.At(3 * 86_400).Timestamp, null, null);

        await using (var connection = new NpgsqlConnection(_url))
        {
            await connection.OpenAsync(TestContext.Current.CancellationToken);
            await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await using var read = new NpgsqlCommand("SELECT count(*) FROM ollama_proxy.requests_20261101", connection, transaction);
            Assert.Equal(1L, await read.ExecuteScalarAsync(TestContext.Current.CancellationToken));
            Assert.Equal(0, (await store.RetainAsync(rules, default)).Records);
        }

        Assert.Equal(3, (await store.RetainAsync(rules, default)).Records);
    }

    private async Task<PostgresAnalyticsStore> OpenAsync(string? url = null)
    {
        var store = new PostgresAnalyticsStore(new AnalyticsOptions { Database = PostgresFixture.Database(url ?? _url) }, _time);
        lock (_opened)
        {
            _opened.Add(store);
        }

        await store.OpenAsync(default);
        return store;
    }

    private static async Task AssertStatsAsync(PostgresAnalyticsStore store, List<RequestRecord> all)
    {
        var query = new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1));
        Expected.AssertStats(all, query, await store.SummarizeAsync(query, default));
        Assert.Equal(all.Count, (await store.DescribeAsync(default)).TotalRecords);
    }

    private Task<object?> AskAsync(string sql) => TestKit.PostgresServer.RunSqlAsync(_url, sql);
}
