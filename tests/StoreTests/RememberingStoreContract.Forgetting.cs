using System.Security.Cryptography;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.StoreTests;

public abstract partial class RememberingStoreContract
{
    private const string Canary = "CANARY-5f0c2d81";

    [Fact]
    public async Task Records_older_than_the_boundary_go_and_no_others()
    {
        var store = await OpenAsync();
        var boundary = Records.At(2_400 + Later).Timestamp;
        await store.WriteAsync([.. Enumerable.Range(0, 2_500).Select(second => Records.At(second < 2_400 ? second : second + Later))], default);

        var result = await store.RetainAsync(new RetentionRules(boundary, null, null), default);

        Assert.Equal(new RetentionResult(2_400, 0), result);
        var stats = await store.DescribeAsync(default);
        Assert.Equal(100, stats.TotalRecords);
        Assert.Equal(boundary, stats.Oldest);
        Assert.Equal(Records.At(2_499 + Later).Timestamp, stats.Newest);
        Assert.Equal(100, (await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);
        Assert.Equal(new RetentionResult(0, 0), await store.RetainAsync(new RetentionRules(boundary, null, null), default));
    }

    [Fact]
    public async Task Texts_older_than_their_boundary_go_and_their_records_stay()
    {
        var store = await OpenAsync();
        var texts = Records.Full();
        var old = texts with { Timestamp = Records.At(1).Timestamp };
        var plain = Records.At(2);
        var young = texts with { Timestamp = Records.At(3 + Later).Timestamp };
        await store.WriteAsync([old, plain, young], default);
        var rules = new RetentionRules(null, young.Timestamp, null);

        var result = await store.RetainAsync(rules, default);

        Assert.Equal(new RetentionResult(0, 1), result);
        AssertStored(store, [young, plain, old with { Prompt = null, System = null, Response = null, Thinking = null, ToolCalls = null }],
            await ReadAsync(store, RequestFilter.Everything));
        AssertStored(store, [young], await ReadAsync(store, new RequestFilter { Search = "RESPONSE" }));
        AssertStored(store, [young], await ReadAsync(store, new RequestFilter { Search = "wh" }));
        Assert.Equal(3, (await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);
        Assert.Equal(new RetentionResult(0, 0), await store.RetainAsync(rules, default));
    }

    [Fact]
    public async Task The_oldest_records_go_until_the_store_is_small_enough()
    {
        var store = await OpenAsync();
        const long MaxBytes = 4_000_000;
        // Two weeks, when whole days go.
        var apart = Later == 0 ? 60 : 432;
        for (var batch = 0; batch < 15; batch++)
        {
            // Text that no compression makes smaller than half.
            await store.WriteAsync([.. Enumerable.Range(batch * 200,
                200).Select(index => Records.At(index * apart) with { Prompt = RandomNumberGenerator.GetHexString(2_000) })], default);
        }

        Assert.True((await store.DescribeAsync(default)).SizeBytes > MaxBytes);
        var result = await store.RetainAsync(new RetentionRules(null, null, MaxBytes), default);

        var stats = await store.DescribeAsync(default);
        Assert.InRange(stats.SizeBytes, 1, MaxBytes);
        if (KeepsFiles)
        {
            Assert.Equal(SizeOfFiles(), stats.SizeBytes);
        }

        Assert.Equal(3_000 - result.Records, stats.TotalRecords);
        Assert.InRange(stats.TotalRecords, 100, 2_999);
        Assert.Equal(Records.At(2_999 * apart).Timestamp, stats.Newest);
        Assert.Equal(Records.At((int)result.Records * apart).Timestamp, stats.Oldest);
        Assert.Equal(stats.TotalRecords, (await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);
        Assert.Equal(new RetentionResult(0, 0), await store.RetainAsync(new RetentionRules(null, null, MaxBytes), default));
    }

    [Fact]
    public async Task Many_records_are_deleted_by_any_filter_and_writing_goes_on_meanwhile()
    {
        var store = await OpenAsync();
        await store.WriteAsync([.. Enumerable.Range(0,
            3_000).Select(second => Records.At(second * 10) with { ClientIp = second % 3 == 0 ? "10.0.0.1" : "10.0.0.2", Prompt = "why is it so" })], default);

        var deleting = Task.Run(() => store.DeleteAsync(new RequestFilter { Client = "10.0.0.1" }, default));
        for (var batch = 0; batch < 10; batch++)
        {
            await store.WriteAsync([Records.At(50_000 + batch)], default);
        }

        Assert.Equal(1_000, await deleting);
        Assert.Empty(await ReadAsync(store, new RequestFilter { Client = "10.0.0.1" }));
        Assert.Equal(2_010, (await store.DescribeAsync(default)).TotalRecords);
        Assert.Equal(2_010, (await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);
        Assert.Equal(2_000, (await ReadAsync(store, new RequestFilter { Search = "IS IT" })).Count);
    }

    [Fact]
    public async Task A_single_record_is_deleted_once()
    {
        var store = await OpenAsync();
        await store.WriteAsync([Records.At(1), Records.At(2)], default);
        var id = (await ReadAsync(store, RequestFilter.Everything))[0].Id;

        Assert.True(await store.DeleteAsync(id, default));
        Assert.False(await store.DeleteAsync(id, default));

        AssertStored(store, [Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
    }

    [Theory]
    [InlineData("filter")]
    [InlineData("position")]
    [InlineData("age")]
    [InlineData("age of texts")]
    public async Task What_is_forgotten_leaves_no_trace_in_any_file(string how)
    {
        var store = await OpenAsync();
        // Short ones and some that do not fit a page, between others that stay.
        var canaries = Enumerable.Range(0, 50).Select(index => Records.At(index) with
        {
            ClientIp = "10.0.0.1",
            Prompt = new string('p', index * 200) + Canary,
            System = Canary,
            Response = Canary + new string('r', index * 100),
            Thinking = Canary,
            ToolCalls = Canary,
        });
        await store.WriteAsync([.. canaries.SelectMany((record, index) => new[] { record, Records.At(1_000 + Later + index) with { Prompt = "stays" } })],
            default);
        Assert.True(!KeepsFiles || IsTraced(Canary), "The canary must be found first, or this test proves nothing.");
        Assert.NotEmpty(await ReadAsync(store, new RequestFilter { Search = Canary }));

        switch (how)
        {
            case "filter":
                Assert.Equal(50, await store.DeleteAsync(new RequestFilter { Client = "10.0.0.1" }, default));
                break;
            case "position":
                foreach (var record in await ReadAsync(store, new RequestFilter { Search = Canary }))
                {
                    Assert.True(await store.DeleteAsync(record.Id, default));
                }

                break;
            default:
                var boundary = Records.At(1_000 + Later).Timestamp;
                var result = await store.RetainAsync(how == "age" ? new RetentionRules(boundary, null, null) : new RetentionRules(null, boundary, null),
                    default);
                Assert.Equal(50, result.Records + result.Texts);
                break;
        }

        Assert.False(KeepsFiles && IsTraced(Canary), "A trace is left while the store is open.");
        Assert.Equal(50, (await ReadAsync(store, new RequestFilter { Search = "STAYS" })).Count);
        Assert.Empty(await ReadAsync(store, new RequestFilter { Search = Canary }));
        (store as IDisposable)?.Dispose();
        Assert.False(KeepsFiles && IsTraced(Canary), "A trace is left after the end.");
    }

    /// <summary>Seconds between what is old and what is young: none for a store that removes single records, a day for one that drops whole days.</summary>
    private protected virtual int Later => 0;

    /// <summary>Bytes of the store's files that hold records.</summary>
    private long SizeOfFiles() =>
        Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith("-shm", StringComparison.Ordinal))
            .Sum(file => new FileInfo(file).Length);
}
