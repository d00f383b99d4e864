using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.StoreTests;

/// <summary>What every backend promises; one class below for each backend.</summary>
public abstract class AnalyticsStoreContract : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-store-");
    private readonly List<IDisposable> _opened = [];

    private protected string Folder => Path.Combine(_folder.FullName, "data");

    private protected abstract IAnalyticsStore Create(AnalyticsOptions options);

    [Fact]
    public async Task Every_field_comes_back_as_it_was_written()
    {
        var store = await OpenAsync();
        var record = Records.Full();

        await store.WriteAsync([record, Records.At(1)], default);
        var read = await ReadAsync(store, RequestFilter.Everything);

        AssertStored(store, [record, Records.At(1)], read);
        foreach (var property in typeof(RequestRecord).GetProperties())
        {
            Assert.False(Equals(property.GetValue(record), property.GetValue(Records.At(1))) && property.Name != "Id", $"{property.Name} is not tested");
        }
    }

    [Fact]
    public async Task Records_come_newest_first_and_no_more_than_asked_for()
    {
        var store = await OpenAsync();

        await store.WriteAsync([Records.At(2), Records.At(3), Records.At(1)], default);

        AssertStored(store, [Records.At(3), Records.At(2), Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
        AssertStored(store, [Records.At(3), Records.At(2)], await ReadAsync(store, new RequestFilter { Limit = 2 }));
    }

    [Fact]
    public async Task Filters_are_inclusive_literal_and_all_must_match()
    {
        var store = await OpenAsync();
        var percent = Records.At(1) with { Prompt = "give 100% of it" };
        var umlaut = Records.At(2) with { Prompt = "GRÜẞE aus_Köln" };
        var other = Records.At(3) with { Model = "llama3:8b", Prompt = "grüße" };
        await store.WriteAsync([percent, umlaut, other, Records.At(4) with { Prompt = null }], default);

        AssertStored(store, [percent], await ReadAsync(store, new RequestFilter { PromptSearch = "100%" }));
        AssertStored(store, [], await ReadAsync(store, new RequestFilter { PromptSearch = "%give%" }));
        AssertStored(store, [umlaut], await ReadAsync(store, new RequestFilter { PromptSearch = "AUS_köln" }));
        AssertStored(store, [other], await ReadAsync(store, new RequestFilter { Model = "registry.ollama.ai/library/LLAMA3:8b" }));
        AssertStored(store, [umlaut, percent], await ReadAsync(store, new RequestFilter { Model = "PHI4", From = percent.Timestamp, To = umlaut.Timestamp }));
        AssertStored(store, [percent], await ReadAsync(store, new RequestFilter { Model = "phi4", PromptSearch = "GIVE", To = umlaut.Timestamp, Limit = 5 }));
    }

    [Fact]
    public async Task A_purge_removes_what_is_older_than_its_boundary_and_nothing_else()
    {
        var store = await OpenAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 2_500).Select(Records.At)], default);

        var removed = await store.PurgeAsync(Records.At(2_400).Timestamp, default);

        Assert.Equal(store.Remembers ? 2_400 : 0, removed);
        var stats = await store.GetStatsAsync(default);
        Assert.Equal(store.Remembers ? 100 : 0, stats.TotalRecords);
        Assert.Equal(store.Remembers ? Records.At(2_400).Timestamp : null, stats.Oldest);
        Assert.Equal(store.Remembers ? Records.At(2_499).Timestamp : null, stats.Newest);
        Assert.Equal(store.Backend, stats.Backend);
    }

    [Fact]
    public async Task What_was_written_is_there_after_a_reopening()
    {
        var first = await OpenAsync();
        await first.WriteAsync([Records.Full()], default);
        (first as IDisposable)?.Dispose();

        var second = await OpenAsync();

        AssertStored(second, [Records.Full()], await ReadAsync(second, RequestFilter.Everything));
    }

    [Fact]
    public async Task Readers_see_whole_batches_while_a_writer_writes()
    {
        var store = await OpenAsync();

        var writing = Task.Run(async () =>
        {
            for (var batch = 0; batch < 50; batch++)
            {
                await store.WriteAsync([.. Enumerable.Range(batch * 10, 10).Select(Records.At)], default);
            }
        });
        var readers = Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!writing.IsCompleted)
            {
                Assert.Equal(0, (await ReadAsync(store, RequestFilter.Everything)).Count % 10);
            }
        }));
        await Task.WhenAll([writing, .. readers]);

        Assert.Equal(store.Remembers ? 500 : 0, (await store.GetStatsAsync(default)).TotalRecords);
    }

    public void Dispose()
    {
        _opened.ForEach(store => store.Dispose());
        _folder.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private protected async Task<IAnalyticsStore> OpenAsync()
    {
        var store = Create(new AnalyticsOptions { Directory = Folder });
        if (store is IDisposable disposable)
        {
            _opened.Add(disposable);
        }

        await store.OpenAsync(default);
        return store;
    }

    private protected static async Task<List<RequestRecord>> ReadAsync(IAnalyticsStore store, RequestFilter filter) => await store.ReadAsync(filter, default).ToListAsync();

    private static void AssertStored(IAnalyticsStore store, IReadOnlyList<RequestRecord> expected, List<RequestRecord> actual) =>
        Assert.Equal(store.Remembers ? expected : [], actual.Select(record => record with { Id = 0 }));
}

/// <summary>The null store keeps the contract by holding nothing.</summary>
public sealed class NullStoreTests : AnalyticsStoreContract
{
    private protected override IAnalyticsStore Create(AnalyticsOptions options) => new NullStore();
}
