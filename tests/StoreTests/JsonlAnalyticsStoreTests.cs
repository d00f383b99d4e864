using System.IO.Compression;
using System.Text.Json;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Jsonl;

namespace OllamaProxy.StoreTests;

/// <summary>The contract, and what is JSON lines' alone.</summary>
public sealed partial class JsonlAnalyticsStoreTests : RememberingStoreContract
{
    private const int Day = 86_400;

    private protected override string[] ProcessArguments => ["jsonl", Folder];

    private protected override IAnalyticsStore Create(AnalyticsOptions options) => new JsonlAnalyticsStore(options, TimeProvider.System);

    [Fact]
    public async Task A_line_is_one_object_with_the_keys_and_units_of_the_API()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.Full() with { Prompt = "größer 😀" }], default);

        var line = Assert.Single(await File.ReadAllLinesAsync(store.CurrentFile));

        Assert.StartsWith("""{"id":1,"timestamp":1793620800.123457,"request_id":"0123456789abcdef0123456789abcdef","model":"llama3:8b",""", line,
            StringComparison.Ordinal);
        Assert.Contains("\"latency\":1.000001,", line, StringComparison.Ordinal);
        Assert.Contains("größer", line, StringComparison.Ordinal);
        Assert.Equal("requests-2026-11-02.jsonl", Path.GetFileName(store.CurrentFile));
    }

    [Fact]
    public async Task Values_that_JSON_has_no_word_for_are_unknown_and_hold_up_nothing()
    {
        var store = await OpenAsync();

        await store.WriteAsync([Records.At(1) with { TokensPerSecond = double.NaN, Temperature = double.PositiveInfinity, Prompt = "half a \ud83d pair" }],
            default);

        AssertStored(store, [Records.At(1) with { Prompt = "half a \ufffd pair" }], await ReadAsync(store, RequestFilter.Everything));
    }

    [Fact]
    public async Task A_batch_with_one_impossible_record_is_not_written_at_all()
    {
        var store = await OpenAsync();

        await Assert.ThrowsAnyAsync<Exception>(() => store.WriteAsync([Records.At(1), Records.At(Day), Records.At(2 * Day) with { Method = null! }], default));

        Assert.Empty(await ReadAsync(store, RequestFilter.Everything));
        await store.WriteAsync([Records.At(3)], default);
        (store as IDisposable)!.Dispose();
        AssertStored(store, [Records.At(3)], await ReadAsync(await OpenAsync(), RequestFilter.Everything));
    }

    [Fact]
    public async Task Older_days_are_compressed_and_any_program_can_read_them()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 1_000).Select(Large)], default);
        await store.WriteAsync([Records.At(Day)], default);
        await store.Compressing;

        Assert.Equal(["requests-2026-11-01.jsonl.gz", "requests-2026-11-02.jsonl"], FilesOfRecords());
        var lines = LinesOf(Path.Combine(Folder, "requests-2026-11-01.jsonl.gz"));
        Assert.Equal(Enumerable.Range(1, 1_000), lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("id").GetInt32()));
        AssertStored(store, [Records.At(Day), .. Enumerable.Range(0, 1_000).Reverse().Select(Large)], await ReadAsync(store, RequestFilter.Everything));
    }

    [Fact]
    public async Task A_record_that_comes_after_its_day_was_compressed_is_found_and_joins_it_later()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1), Records.At(3)], default);
        await store.WriteAsync([Records.At(Day)], default);
        await store.Compressing;

        await store.WriteAsync([Records.At(2)], default);

        RequestRecord[] expected = [Records.At(Day), Records.At(3), Records.At(2), Records.At(1)];
        AssertStored(store, expected, await ReadAsync(store, RequestFilter.Everything));
        store.Dispose();
        store = await OpenJsonlAsync();
        AssertStored(store, expected, await ReadAsync(store, RequestFilter.Everything));
        await store.RetainAsync(new RetentionRules(null, null, null), default);
        Assert.Equal(["requests-2026-11-01.jsonl.gz", "requests-2026-11-02.jsonl"], FilesOfRecords());
        AssertStored(store, expected, await ReadAsync(store, RequestFilter.Everything));
    }

    [Fact]
    public async Task Rolling_compresses_the_day_so_far_and_writing_goes_on()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1)], default);

        await store.RollAsync(default);
        Assert.Equal(["requests-2026-11-01.jsonl.gz"], FilesOfRecords());
        await store.WriteAsync([Records.At(2)], default);
        await store.RollAsync(default);
        await store.RollAsync(default);

        Assert.Equal(["requests-2026-11-01.jsonl.gz"], FilesOfRecords());
        AssertStored(store, [Records.At(2), Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
    }

    [Fact]
    public async Task Whatever_is_asked_is_found_in_days_of_many_blocks_too()
    {
        var random = new RandomRecords(23);
        var store = await OpenJsonlAsync();
        var filling = new string('x', 900);
        foreach (var batch in random.Some(3_000, s_week).Chunk(97))
        {
            await store.WriteAsync([.. batch.Select(
                record => record with { Thinking = filling, Timestamp = record.Timestamp.AddSeconds(-random.Next(3) * random.Next(40_000)) })], default);
        }

        await store.Compressing;
        var all = await ReadAsync(store, RequestFilter.Everything);
        Assert.Equal(3_000, all.Count);
        for (var question = 0; question < 20; question++)
        {
            var (filter, order, ascending) = (random.AnyFilter(s_week), (RequestOrder)random.Next(6), random.Next(2) == 0);
            Assert.Equal(Expected.Ordered(all, filter, order, ascending),
                await PagesAsync(store, new RequestQuery { Filter = filter, Order = order, Ascending = ascending, Limit = 50 }));
        }

        Assert.Equal(all[1_234], await store.FindAsync(all[1_234].Id, default));
        Assert.Equal(Expected.Ordered(all, RequestFilter.Everything, RequestOrder.Time, true),
            await PagesAsync(store, new RequestQuery { Ascending = true, Limit = 1_000 }));
    }

    [Fact]
    public async Task More_models_than_a_block_can_name_are_found_all_the_same()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 200).Select(index => Records.At(index) with { Model = $"model{index:000}:latest" })], default);
        await store.RollAsync(default);
        store.Dispose();

        store = await OpenJsonlAsync();

        Assert.Equal(Enumerable.Range(0, 200).Select(index => $"model{index:000}:latest"), await store.ModelsAsync(default));
        Assert.Single(await ReadAsync(store, new RequestFilter { Model = "model123" }));
    }

    [Fact]
    public async Task A_reader_sees_each_record_once_while_its_files_are_compressed_changed_and_removed()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 500).Select(Large)], default);
        await store.WriteAsync([.. Enumerable.Range(Day, 500).Select(Large)], default);

        await using var reader = store.ReadAsync(RequestFilter.Everything, default).GetAsyncEnumerator();
        await using var late = store.ReadAsync(RequestFilter.Everything, default).GetAsyncEnumerator();
        Assert.True(await reader.MoveNextAsync());
        List<RequestRecord> seen = [reader.Current];
        await store.Compressing;
        await store.RollAsync(default);
        await store.DeleteAsync(new RequestFilter { From = Records.At(100).Timestamp, To = Records.At(Day + 100).Timestamp }, default);
        Assert.True(await late.MoveNextAsync());
        await store.DeleteAsync(RequestFilter.Everything, default);
        while (await reader.MoveNextAsync())
        {
            seen.Add(reader.Current);
        }

        AssertStored(store, [.. Enumerable.Range(Day, 500).Concat(Enumerable.Range(0, 500)).OrderDescending().Select(Large)], seen);
        Assert.Empty(FilesOfRecords());
        Assert.Empty(await ReadAsync(store, RequestFilter.Everything));
    }

    [Fact]
    public async Task Readers_and_a_writer_go_on_while_days_are_compressed_and_changed()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 300).Select(Large)], default);

        var writing = Task.Run(async () =>
        {
            for (var batch = 0; batch < 60; batch++)
            {
                await store.WriteAsync([.. Enumerable.Range(0, 10).Select(index => Large(((batch / 20) * Day) + 1_000 + (batch * 10) + index))], default);
            }
        });
        var changing = Task.Run(async () =>
        {
            for (var second = 0; !writing.IsCompleted || second < 300; second++)
            {
                await store.DeleteAsync(new RequestFilter { From = Large(second).Timestamp, To = Large(second).Timestamp }, default);
                await store.RollAsync(default);
            }
        });
        while (!changing.IsCompleted)
        {
            var seen = await ReadAsync(store, new RequestFilter { From = Large(1_000).Timestamp });
            Assert.Equal(0, seen.Count % 10);
            Assert.Distinct(seen.Select(record => record.Id));
        }

        await Task.WhenAll(writing, changing);
        Assert.Equal(600, (await store.DescribeAsync(default)).TotalRecords);
    }

    private static readonly TimeSpan s_week = TimeSpan.FromDays(6);

    /// <summary>Records of which some hundred fill a block.</summary>
    private static RequestRecord Large(int second) => Records.At(second) with { Prompt = string.Join(' ', Enumerable.Range(second, 300)) };

    private async Task<JsonlAnalyticsStore> OpenJsonlAsync() => (JsonlAnalyticsStore)await OpenAsync();

    private IEnumerable<string?> FilesOfRecords() => Directory.GetFiles(Folder, "requests-*").Select(Path.GetFileName).Order(StringComparer.Ordinal);

    private static List<string> LinesOf(string path)
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress));
        List<string> lines = [];
        while (reader.ReadLine() is { } line)
        {
            lines.Add(line);
        }

        return lines;
    }
}
