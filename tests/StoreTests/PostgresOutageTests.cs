using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.TestKit;
using OllamaProxy.Tests;

namespace OllamaProxy.StoreTests;

/// <summary>The server is away: records wait in memory, then on disk, and are written when it is back.</summary>
public sealed class PostgresOutageTests : PostgresTest
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly StoreHealth _health = new(TimeProvider.System, NullLogger<StoreHealth>.Instance);
    private readonly List<IDisposable> _opened = [];

    public override async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _opened.ForEach(opened => opened.Dispose());
        await _services.DisposeAsync();
        await base.DisposeAsync();
    }

    [Fact]
    public async Task Records_of_an_outage_wait_on_disk_and_are_written_when_theServer_is_back()
    {
        var (store, spool, batch) = Create();
        Assert.True(await store.TendAsync(default));
        Add(batch, 0, 10);
        Assert.True(await batch.WriteAsync(default));

        await Server.StopAsync();
        Add(batch, 10, 1_500);
        Assert.False(await batch.WriteAsync(default));
        Assert.Equal((0, false), (batch.Count, spool.IsEmpty));
        Add(batch, 1_510, 3);
        Assert.False(await batch.WriteAsync(default));
        Assert.Equal(3, batch.Count);
        Assert.False(await store.TendAsync(default));
        Assert.Contains("does not answer", _health.Problem!.Text, StringComparison.Ordinal);

        await Server.RestartAsync();
        await Eventually.TrueAsync(() => batch.WriteAsync(default));
        await Eventually.TrueAsync(() => spool.IsEmpty);
        Assert.Null(_health.Problem);
        await AssertAllAsync(store, 1_513);
    }

    [Fact]
    public async Task Spooled_records_are_written_when_theServer_is_back_without_new_records()
    {
        var (store, spool, batch) = Create();
        Assert.True(await store.TendAsync(default));
        await Server.StopAsync();
        Add(batch, 0, 1_000);
        Assert.False(await batch.WriteAsync(default));
        Assert.Equal((0, false), (batch.Count, spool.IsEmpty));

        await Server.RestartAsync();
        await Eventually.TrueAsync(() => store.TendAsync(default));
        await Eventually.TrueAsync(() => spool.IsEmpty);

        Assert.Null(_health.Problem);
        await AssertAllAsync(store, 1_000);
    }

    [Fact]
    public async Task A_start_without_theServer_records_and_a_stop_without_it_loses_nothing()
    {
        await Server.StopAsync();
        var (store, spool, batch) = Create();
        Assert.False(await store.TendAsync(default));
        Add(batch, 0, 5);
        Assert.False(await batch.WriteAsync(default));
        Assert.Equal((0, 0), (batch.Abandon(), batch.Lost));
        Assert.False(spool.IsEmpty);

        // The next start finds them.
        await Server.RestartAsync();
        (store, spool, _) = Create();
        Assert.True(await store.TendAsync(default));
        await Eventually.TrueAsync(() => spool.IsEmpty);
        await AssertAllAsync(store, 5);
    }

    [Fact]
    public async Task A_batch_that_went_to_disk_before_its_commit_was_confirmed_is_written_once()
    {
        using var relay = new PostgresRelay(Server);
        Url = Url.Replace(Server.Folder, relay.Folder, StringComparison.Ordinal);
        var (store, spool, batch) = Create();
        Assert.True(await store.TendAsync(default));
        Add(batch, 0, 10);
        Assert.True(await batch.WriteAsync(default));
        await ((PostgresAnalyticsStore)store.Current).Upkeep;

        relay.Cut = PostgresCut.AfterCommit;
        Add(batch, 10, 1_000);
        Assert.False(await batch.WriteAsync(default));
        Assert.Equal(0, batch.Count);
        Add(batch, 1_010, 5);
        await Eventually.TrueAsync(() => batch.WriteAsync(default));
        await Eventually.TrueAsync(() => spool.IsEmpty);

        await AssertAllAsync(store, 1_015);
    }

    [Fact]
    public async Task A_batch_that_went_to_disk_alone_because_the_rest_had_no_room_is_written_once()
    {
        using var relay = new PostgresRelay(Server);
        Url = Url.Replace(Server.Folder, relay.Folder, StringComparison.Ordinal);
        var (store, spool, batch) = Create(megabytes: 1);
        Assert.True(await store.TendAsync(default));
        Add(batch, 0, 10);
        Assert.True(await batch.WriteAsync(default));
        await ((PostgresAnalyticsStore)store.Current).Upkeep;

        relay.Cut = PostgresCut.AfterCommit;
        Add(batch, 10, 500);
        Assert.False(await batch.WriteAsync(default));
        Assert.Equal(500, batch.Count);
        Assert.Equal(500, spool.Doubtful?.Records.Count);
        await Server.StopAsync();
        Add(batch, 510, 600, new string('x', 2_000));
        // The second write fails after the spool took the first part.
        Assert.False(await batch.WriteAsync(default));
        Assert.Equal((1_100, false), (batch.Count, spool.IsEmpty));
        Assert.False(await batch.WriteAsync(default));

        await Server.RestartAsync();
        await Eventually.TrueAsync(() => batch.WriteAsync(default));
        await Eventually.TrueAsync(() => spool.IsEmpty);
        await AssertAllAsync(store, 1_110);
    }

    [Fact]
    public async Task When_the_spool_is_full_the_rest_waits_in_memory_up_to_its_bound()
    {
        await Server.StopAsync();
        var (store, _, batch) = Create(megabytes: 1);
        Assert.False(await store.TendAsync(default));

        for (var round = 0; round < 30; round++)
        {
            Add(batch, round * 1_000, 1_000);
            Assert.False(await batch.WriteAsync(default));
        }

        Assert.Equal(RecordBatch.Capacity, batch.Count);
        Assert.InRange(new DirectoryInfo(Path.Combine(Folder.FullName, PostgresSpool.FolderName)).EnumerateFiles().Sum(file => file.Length), 1, 1_000_000);
    }

    private (ReopeningStore Store, PostgresSpool Spool, RecordBatch Batch) Create(int megabytes = 512)
    {
        var options = new AnalyticsOptions
        {
            Backend = "postgres", Directory = Folder.FullName, Database = PostgresFixture.Database(Url), SpoolMegabytes = megabytes,
        };
        var spool = new PostgresSpool(options);
        var store = new ReopeningStore(
            options, _ => new PostgresAnalyticsStore(options, TimeProvider.System, spool), _health, NullLogger<ReopeningStore>.Instance);
        _opened.Add(store);
        var metrics = ActivatorUtilities.CreateInstance<ProxyMetrics>(_services, new MetricsOptions(), new ModelNames());
        return (store, spool, new RecordBatch(store, metrics, TimeProvider.System, NullLogger<RecordBatch>.Instance, spool));
    }

    private static void Add(RecordBatch batch, int first, int count, string prompt = "why \0 is it")
    {
        for (var index = first; index < first + count; index++)
        {
            batch.Add(Records.At(index) with { Prompt = prompt, OutputTokens = index });
        }
    }

    private static async Task AssertAllAsync(ReopeningStore store, int count)
    {
        var all = await store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Equal(Enumerable.Range(0, count).Reverse(), all.Select(record => record.OutputTokens!.Value));
        var query = new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1));
        Expected.AssertStats(all, query, await store.SummarizeAsync(query, default));
    }
}
