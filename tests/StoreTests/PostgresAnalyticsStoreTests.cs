using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Postgres;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

/// <summary>The contract over the server of the tests.</summary>
public sealed class PostgresAnalyticsStoreTests(PostgresFixture fixture) : PostgresStoreContract
{
    private protected override Task<string> CreateDatabaseAsync() => fixture.CreateDatabaseAsync();

    private protected override Task DropDatabaseAsync(string url) => fixture.Server().DropDatabaseAsync(url);

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
        using var store = new PostgresAnalyticsStore(new AnalyticsOptions { Database = PostgresFixture.Database(await server!.CreateDatabaseAsync()) }, Time);
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
}
