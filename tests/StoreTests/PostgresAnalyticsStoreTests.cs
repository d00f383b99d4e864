using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

/// <summary>The contract over a real server, and what is PostgreSQL's alone.</summary>
public sealed class PostgresAnalyticsStoreTests(PostgresFixture fixture) : RememberingStoreContract, IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(PostgresFixture.Now);
    private string _url = "";

    public async ValueTask InitializeAsync() => _url = await fixture.CreateDatabaseAsync();

    public async ValueTask DisposeAsync()
    {
        base.Dispose();
        if (_url.Length > 0)
        {
            await fixture.Server().DropDatabaseAsync(_url);
        }
    }

    private protected override bool KeepsFiles => false;

    private protected override int Later => 86_400;

    private protected override string[] ProcessArguments => ["postgres", Folder, _url];

    private protected override IAnalyticsStore Create(AnalyticsOptions options) =>
        new PostgresAnalyticsStore(options with { Database = PostgresFixture.Database(_url) }, _time);

    /// <summary>PostgreSQL has no U+0000 in a text.</summary>
    private protected override RequestRecord AsStored(RequestRecord record) =>
        record with { Prompt = record.Prompt?.Replace('\0', '\u2400'), Response = record.Response?.Replace('\0', '\u2400') };

    private protected override RequestFilter AsAsked(RequestFilter filter) =>
        filter with { Search = filter.Search?.Replace('\0', '\u2400'), PromptSearch = filter.PromptSearch?.Replace('\0', '\u2400') };

    [Fact]
    public override async Task A_full_disk_fails_the_write_whole_and_writing_resumes()
    {
        var folder = Directory.CreateDirectory(Folder);
        using var disk = SmallDisk.TryMount(folder.FullName, "150m");
        Assert.SkipWhen(disk is null, SmallDisk.Reason);
#pragma warning disable CA1416 // Mounted on Linux only.
        folder.UnixFileMode |= UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        folder.Parent!.UnixFileMode |= UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
#pragma warning restore CA1416
        await using var server = await PostgresServer.StartAsync(folder.FullName);
        using var store = new PostgresAnalyticsStore(new AnalyticsOptions { Database = PostgresFixture.Database(await server!.CreateDatabaseAsync()) }, _time);
        await store.OpenAsync(default);
        await store.WriteAsync([.. Enumerable.Range(0, 100).Select(Records.At)], default);
        List<RequestRecord> batch = [.. Enumerable.Range(100, 2_000).Select(second => Records.At(second) with { Prompt = RandomText(second) })];

        disk.Fill();
        await Assert.ThrowsAsync<AnalyticsStoreException>(() => store.WriteAsync(batch, default));
        disk.Clear();
        await server.StopAsync();
        await server.RestartAsync();
        await store.WriteAsync(batch, default);

        Assert.Equal(2_100, (await store.ReadAsync(RequestFilter.Everything, default).ToListAsync()).Select(record => record.RequestId).Distinct().Count());
        Assert.Equal(2_100, (await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);

        // No compression makes it smaller than half.
        static string RandomText(int seed)
        {
            var bytes = new byte[2_000];
            new Random(seed).NextBytes(bytes);
            return Convert.ToHexString(bytes);
        }
    }

    [Fact]
    public override async Task A_folder_that_cannot_be_written_to_is_refused_with_the_way_out()
    {
        _url = "Host=127.0.0.1;Port=1;Username=postgres;Password=not-to-be-shown;Database=absent";

        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(OpenAsync);

        Assert.Contains("postgres://127.0.0.1:1/absent does not answer", exception.Message, StringComparison.Ordinal);
        Assert.Contains("ANALYTICS_DATABASE_URL", exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("not-to-be-shown", exception.ToString(), StringComparison.Ordinal);
        _url = "";
    }
}
