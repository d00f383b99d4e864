using System.IO.Compression;
using System.Text;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.StoreTests;

/// <summary>What every backend promises that keeps records: search here, statistics and forgetting in the other parts of this class.</summary>
public abstract partial class RememberingStoreContract : AnalyticsStoreContract
{
    private static readonly TimeSpan s_days = TimeSpan.FromDays(3);

    /// <summary>Whether the store is in files of the folder, which hold nothing but its records.</summary>
    private protected virtual bool KeepsFiles => true;

    /// <summary>A filter as it must be applied to records that the store gave back.</summary>
    private protected virtual RequestFilter AsAsked(RequestFilter filter) => filter;

    [Fact]
    public async Task An_empty_text_is_not_an_unknown_one()
    {
        var store = await OpenAsync();
        await store.WriteAsync([Records.At(1) with { Prompt = "", Response = null }], default);

        var record = Assert.Single(await ReadAsync(store, RequestFilter.Everything));
        Assert.Equal(("", null), (record.Prompt, record.Response));
    }

    [Fact]
    public async Task The_request_ids_of_a_range_are_read_without_the_records()
    {
        var store = await OpenAsync();
        await store.WriteAsync([Records.At(1), Records.At(2), Records.At(3)], default);

        var found = await store.RequestIdsAsync(new RequestFilter { From = Records.At(2).Timestamp, To = Records.At(3).Timestamp }, default);

        Assert.Equal([Records.At(2).RequestId, Records.At(3).RequestId], found.Order());
    }

    [Fact]
    public async Task A_record_is_found_by_its_position_and_no_position_is_given_twice()
    {
        var store = await OpenAsync();
        await store.WriteAsync([Records.At(1), Records.At(2), Records.At(3)], default);
        var all = await ReadAsync(store, RequestFilter.Everything);

        Assert.Equal(3, all.Select(record => record.Id).Distinct().Count());
        foreach (var record in all)
        {
            Assert.Equal(record, await store.FindAsync(record.Id, default));
        }

        Assert.True(await store.DeleteAsync(all[0].Id, default));
        await store.WriteAsync([Records.At(4)], default);

        Assert.Null(await store.FindAsync(all[0].Id, default));
        (store as IDisposable)?.Dispose();
        store = await OpenAsync();
        Assert.Null(await store.FindAsync(all[0].Id, default));
        var newest = (await ReadAsync(store, RequestFilter.Everything))[0];
        Assert.True(newest.Id > all[0].Id, "Positions grow in the order of writing, whatever was removed before.");
    }

    [Theory]
    [InlineData("0192f0c1a2b37123892a000000000001")]
    [InlineData("0192F0C1-A2B3-7123-892A-000000000001")]
    [InlineData("00000000000000000000000000000001")]
    [InlineData("08dcfbd28399173d0000000000000005")]
    public async Task A_record_is_found_by_its_request_id(string id)
    {
        var store = await OpenAsync();
        var record = Records.At(1) with
        {
            RequestId = id.Replace("-", "", StringComparison.Ordinal).ToLowerInvariant(),
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(0x0192f0c1a2b3).AddMicroseconds(999),
        };
        await store.WriteAsync([Records.At(2), record, Records.At(3)], default);

        var found = await RecordKey.Parse(id)!.FindAsync(store, default);

        Assert.Equal(record, found! with { Id = 0 });
        Assert.Equal(found, await RecordKey.Parse($"{found.Id}")!.FindAsync(store, default));
        Assert.Null(await RecordKey.Parse(id[..^1] + "f")!.FindAsync(store, default));
        // The first 48 bits are a time later than .NET's last.
        Assert.Null(await RecordKey.Parse("ffffffffffff7fff8fffffffffffffff")!.FindAsync(store, default));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("abc")]
    [InlineData("99999999999999999999")]
    [InlineData("0192f0c1a2b37123892a00000000000g")]
    public void Other_texts_are_no_key_of_a_record(string text) => Assert.Null(RecordKey.Parse(text));

    [Fact]
    public async Task Models_are_named_once_in_alphabetical_order()
    {
        var store = await OpenAsync();
        await store.WriteAsync([Records.At(1) with { Model = "zephyr:7b" }, Records.At(2), Records.At(3), Records.At(4) with { Model = null },
            Records.At(5) with { Model = "a:b" }], default);

        Assert.Equal(["a:b", "phi4:latest", "zephyr:7b"], await store.ModelsAsync(default));
    }

    [Theory]
    [InlineData("%", new[] { 1 })]
    [InlineData("100%", new[] { 1 })]
    [InlineData("00% o", new[] { 1 })]
    [InlineData("_", new[] { 2 })]
    [InlineData("aus_köln", new[] { 2 })]
    [InlineData("GRÜ", new[] { 2, 3 })]
    [InlineData("\"no\" AND", new[] { 4 })]
    [InlineData("\"", new[] { 4 })]
    [InlineData("*", new[] { 5 })]
    [InlineData("京都", new[] { 6 })]
    [InlineData("東京都", new[] { 6 })]
    [InlineData("ΆΛΦΑ", new[] { 7 })]
    [InlineData("привет, МИР", new[] { 7 })]
    [InlineData("😀😀", new[] { 8 })]
    [InlineData("😀😀😀", new[] { 8 })]
    [InlineData("ᲥᲐᲠᲗ", new[] { 8 })]
    [InlineData("after the zero", new[] { 9 })]
    [InlineData("the\0zero", new int[0])]
    [InlineData("zero\0AFTER", new[] { 9 })]
    [InlineData("in the answer", new[] { 10 })]
    [InlineData("prompt and answer", new int[0])]
    [InlineData("absent", new int[0])]
    public async Task Text_is_searched_literally_in_any_case_and_any_language(string search, int[] expected)
    {
        var store = await OpenAsync();
        string[] prompts =
        [
            "give 100% of it", "GRÜẞE aus_Köln", "grüße aus Köln", "say \"NO\" and \"yes\"", "2 * 3", "東京都庁", "άλφα Привет, мир", "x😀😀😀x ქართული",
            "zero\0after the zero", "a prompt",
        ];
        await store.WriteAsync(
            [.. prompts.Select((prompt, index) => Records.At(index + 1) with { Prompt = prompt, Response = index == 9 ? "IN THE ANSWER" : null })], default);

        async Task<IEnumerable<int>> FoundAsync(RequestFilter filter) =>
            (await ReadAsync(store, filter)).Select(record => (int)(record.Timestamp - Records.At(0).Timestamp).TotalSeconds).Order();

        Assert.Equal(expected, await FoundAsync(new RequestFilter { Search = search }));
        Assert.Equal(expected.Where(index => index != 10), await FoundAsync(new RequestFilter { PromptSearch = search }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Whatever_is_asked_for_is_found(int seed)
    {
        var random = new RandomRecords(seed);
        var store = await OpenAsync();
        var all = await FillAsync(store, random.Some(300, s_days));

        for (var question = 0; question < 60; question++)
        {
            var filter = random.AnyFilter(s_days);
            var expected = all.Where(record => Expected.Matches(record, AsAsked(filter))).OrderByDescending(record => record.Timestamp)
                .ThenByDescending(record => record.Id);

            Assert.Equal(expected, await ReadAsync(store, filter));
        }
    }

    [Theory]
    [CombinatorialOrders]
    public async Task Pages_follow_each_other_without_gap_or_repetition(RequestOrder order, bool ascending)
    {
        var random = new RandomRecords(17);
        var store = await OpenAsync();
        var all = await FillAsync(store, random.Some(250, s_days));

        foreach (var filter in new[] { RequestFilter.Everything, random.Filter(s_days), random.AnyFilter(s_days), new RequestFilter { Search = "the sky" },
            new RequestFilter { Model = "phi4" } })
        {
            var expected = Expected.Ordered(all, AsAsked(filter), order, ascending);

            Assert.Equal(expected, await PagesAsync(store, new RequestQuery { Filter = filter, Order = order, Ascending = ascending, Limit = 7 }));
        }
    }

    [Fact]
    public async Task A_page_that_ends_with_the_last_record_has_no_next()
    {
        var store = await OpenAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 10).Select(Records.At)], default);

        var first = await store.SearchAsync(new RequestQuery { Limit = 5 }, default);
        var second = await store.SearchAsync(new RequestQuery { Limit = 5, After = first.Next }, default);

        Assert.Equal(5, first.Records.Count);
        Assert.Equal(5, second.Records.Count);
        Assert.NotNull(first.Next);
        Assert.Null(second.Next);
    }

    [Theory]
    [CombinatorialOrders]
    public async Task A_place_stays_where_it_is_when_records_come_and_go(RequestOrder order, bool ascending)
    {
        var store = await OpenAsync();
        var random = new RandomRecords(5);
        var all = await FillAsync(store, random.Some(60, s_days));
        var query = new RequestQuery { Order = order, Ascending = ascending, Limit = 20 };
        var first = await store.SearchAsync(query, default);

        await store.DeleteAsync(first.Records[^1].Id, default);
        await store.WriteAsync([Records.At(0)], default);
        var rest = await PagesAsync(store, query with { After = first.Next });

        Assert.Equal(Expected.Ordered(all, RequestFilter.Everything, order, ascending).Skip(20),
            rest.Where(record => record.RequestId != Records.At(0).RequestId || record.Timestamp != Records.At(0).Timestamp));
    }

    [Fact]
    public async Task Search_statistics_and_positions_survive_a_reopening()
    {
        var store = await OpenAsync();
        var all = await FillAsync(store, new RandomRecords(9).Some(120, s_days));
        (store as IDisposable)?.Dispose();

        store = await OpenAsync();

        var filter = new RequestFilter { Search = "THE SKY" };
        Assert.Equal(Expected.Ordered(all, filter, RequestOrder.Time, false), await PagesAsync(store, new RequestQuery { Filter = filter }));
        var query = new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1));
        Expected.AssertStats(all, query, await store.SummarizeAsync(query, default));
    }

    /// <summary>Writes them in several batches; what the store then has, with positions.</summary>
    private protected async Task<List<RequestRecord>> FillAsync(IAnalyticsStore store, IReadOnlyList<RequestRecord> records)
    {
        foreach (var batch in records.Chunk(70))
        {
            await store.WriteAsync(batch, default);
        }

        var all = await ReadAsync(store, RequestFilter.Everything);
        Assert.Equal(records.Select(AsStored).OrderBy(record => record.RequestId, StringComparer.Ordinal),
            all.Select(record => record with { Id = 0 }).OrderBy(record => record.RequestId, StringComparer.Ordinal));
        return all;
    }

    private protected static async Task<List<RequestRecord>> PagesAsync(IAnalyticsStore store, RequestQuery query)
    {
        List<RequestRecord> records = [];
        RequestPage page;
        do
        {
            page = await store.SearchAsync(query, default);
            Assert.True(page.Records.Count == query.Limit || page.Next is null, "Only the last page is short.");
            records.AddRange(page.Records);
            query = query with { After = page.Next };
        }
        while (page.Next is not null);
        return records;
    }

    /// <summary>Whether a text stands anywhere in the store's files, compressed ones too.</summary>
    private protected bool IsTraced(string text) => Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Where(IsReadable).Any(file =>
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using Stream content = file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(stream, CompressionMode.Decompress) : stream;
        using var bytes = new MemoryStream();
        content.CopyTo(bytes);
        return bytes.GetBuffer().AsSpan(0, (int)bytes.Length).IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
    });

    /// <summary>A lock is empty, and held so that nobody else opens it.</summary>
    private static bool IsReadable(string file) => !file.EndsWith(".lock", StringComparison.Ordinal);
}
