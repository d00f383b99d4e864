using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.StoreTests;

/// <summary>
/// What every backend promises, one that keeps nothing too. What only backends that remember promise is in <see cref="RememberingStoreContract"/>.
/// </summary>
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
        foreach (var property in typeof(RequestRecord).GetProperties().Where(property => property.CanWrite))
        {
            Assert.False(Equals(property.GetValue(record), property.GetValue(Records.At(1))) && property.Name != "Id", $"{property.Name} is not tested");
        }
    }

    [Fact]
    public async Task Records_come_newest_first()
    {
        var store = await OpenAsync();

        await store.WriteAsync([Records.At(2), Records.At(3), Records.At(1)], default);

        AssertStored(store, [Records.At(3), Records.At(2), Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
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
        AssertStored(store, [percent], await ReadAsync(store, new RequestFilter { Model = "phi4", PromptSearch = "GIVE", To = umlaut.Timestamp }));
    }

    [Fact]
    public async Task A_store_without_records_answers_with_emptiness()
    {
        var store = await OpenAsync();

        Assert.Empty(await ReadAsync(store, RequestFilter.Everything));
        var page = await store.SearchAsync(new RequestQuery(), default);
        Assert.Empty(page.Records);
        Assert.Null(page.Next);
        Assert.Null(await store.FindAsync(1, default));
        Assert.Empty(await store.ModelsAsync(default));
        var summary = await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1)), default);
        Assert.Equal(StatLine.Empty, summary.Total);
        Assert.All(Enum.GetValues<StatDimension>(), dimension => Assert.Empty(summary[dimension]));
        Assert.Empty(summary.Series);
        var stats = await store.DescribeAsync(default);
        Assert.Equal(store.Backend, stats.Backend);
        Assert.Equal(0, stats.TotalRecords);
        Assert.Null(stats.Oldest);
        Assert.Null(stats.Newest);
        Assert.Equal(0, await store.DeleteAsync(RequestFilter.Everything, default));
        Assert.False(await store.DeleteAsync(1, default));
        Assert.Equal(new RetentionResult(0, 0),
            await store.RetainAsync(new RetentionRules(Records.At(0).Timestamp, Records.At(0).Timestamp, 1 << 30), default));
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

        Assert.Equal(store.Remembers ? 500 : 0, (await store.DescribeAsync(default)).TotalRecords);
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

    private protected static async Task<List<RequestRecord>> ReadAsync(IAnalyticsStore store, RequestFilter filter) =>
        await store.ReadAsync(filter, default).ToListAsync();

    private protected void AssertStored(IAnalyticsStore store, IReadOnlyList<RequestRecord> expected, List<RequestRecord> actual) =>
        Assert.Equal(store.Remembers ? expected.Select(AsStored) : [], actual.Select(record => record with { Id = 0 }));

    /// <summary>A record as the store gives it back.</summary>
    private protected virtual RequestRecord AsStored(RequestRecord record) => record;
}

/// <summary>The null store keeps the contract by holding nothing.</summary>
public sealed class NullStoreTests : AnalyticsStoreContract
{
    private protected override IAnalyticsStore Create(AnalyticsOptions options) => new NullStore();
}
