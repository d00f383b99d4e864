using System.IO.Compression;
using System.Text;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics.Jsonl;

namespace OllamaProxy.StoreTests;

/// <summary>What goes wrong with files.</summary>
public sealed partial class JsonlAnalyticsStoreTests
{
    private string FirstDay => Path.Combine(Folder, "requests-2026-11-01.jsonl");

    [Theory]
    [InlineData("""{"id":3,"timestamp":17935""", 2)]
    [InlineData("""{"id":3,"timestamp":1793534403,"request_id":"r","model":"phi4:latest","endpoint":"chat","latency":1}""", 3)]
    [InlineData("\0\0\0\0", 2)]
    public async Task A_torn_last_line_is_mended_and_the_next_one_stands_alone(string torn, int records)
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1), Records.At(2)], default);
        store.Dispose();
        await File.AppendAllTextAsync(FirstDay, torn);

        store = await OpenJsonlAsync();
        Assert.Equal(records, (await ReadAsync(store, RequestFilter.Everything)).Count);
        await store.WriteAsync([Records.At(4)], default);

        Assert.Equal(records + 1, (await ReadAsync(store, RequestFilter.Everything)).Count);
        AssertWholeLines(records + 1);
        Assert.Equal(records + 1, (await ReadAsync(store, RequestFilter.Everything)).Max(record => record.Id));
    }

    [Fact]
    public async Task What_a_failed_write_left_is_cut_off_by_the_next()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1)], default);
        await File.AppendAllTextAsync(FirstDay, """{"id":2,"timest""");
        AssertStored(store, [Records.At(1)], await ReadAsync(store, RequestFilter.Everything));

        await store.WriteAsync([Records.At(2)], default);

        AssertStored(store, [Records.At(2), Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
        AssertWholeLines(2);
    }

    [Fact]
    public async Task A_damaged_line_is_passed_over_and_costs_no_other()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1)], default);
        store.Dispose();
        await File.AppendAllTextAsync(FirstDay, "damaged\n[]\n\n{\"id\":7}\n");

        store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(2)], default);
        await store.RollAsync(default);

        AssertStored(store, [Records.At(2), Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
        Assert.Contains("damaged", LinesOf(FirstDay + ".gz"));
        Assert.Equal(2, await store.DeleteAsync(RequestFilter.Everything, default));
        Assert.Empty(FilesOfRecords());
    }

    [Fact]
    public async Task A_program_killed_between_compressing_and_deleting_leaves_no_record_twice()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1), Records.At(2)], default);
        File.Copy(FirstDay, FirstDay + ".before");
        await store.RollAsync(default);
        store.Dispose();
        File.Move(FirstDay + ".before", FirstDay);

        store = await OpenJsonlAsync();

        AssertStored(store, [Records.At(2), Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
        Assert.Equal(["requests-2026-11-01.jsonl.gz"], FilesOfRecords());
        await store.WriteAsync([Records.At(3)], default);
        Assert.Equal(3, (await ReadAsync(store, RequestFilter.Everything)).Max(record => record.Id));
    }

    [Fact]
    public async Task A_program_killed_while_compressing_loses_nothing_and_leaves_nothing()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1)], default);
        store.Dispose();
        await File.WriteAllBytesAsync(FirstDay + ".gz.tmp", [0x1f, 0x8b, 8]);

        store = await OpenJsonlAsync();

        AssertStored(store, [Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
        Assert.Equal(["requests-2026-11-01.jsonl"], FilesOfRecords());
    }

    [Fact]
    public async Task A_day_that_gzip_compressed_is_read_too()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([.. Enumerable.Range(0, 300).Select(Large)], default);
        store.Dispose();
        await using (var target = new GZipStream(File.Create(FirstDay + ".gz"), CompressionLevel.Fastest))
        {
            await target.WriteAsync(await File.ReadAllBytesAsync(FirstDay));
        }

        File.Delete(FirstDay);

        AssertStored(store, [.. Enumerable.Range(0, 300).Reverse().Select(Large)], await ReadAsync(await OpenAsync(), RequestFilter.Everything));
    }

    [Fact]
    public async Task A_compressed_day_that_is_damaged_is_refused_with_the_way_out()
    {
        Directory.CreateDirectory(Folder);
        await File.WriteAllTextAsync(FirstDay + ".gz", "no gzip at all");

        await AssertRefusedAsync("damaged", "ANALYTICS_DIR");
    }

    [Fact]
    public async Task A_file_where_the_folder_should_be_is_refused_with_the_way_out()
    {
        await File.WriteAllTextAsync(Folder, "");

        await AssertRefusedAsync("cannot be opened", "ANALYTICS_DIR");
    }

    [Fact]
    public async Task A_folder_that_another_store_writes_to_is_refused_with_the_way_out()
    {
        await OpenAsync();

        await AssertRefusedAsync("in use", "ANALYTICS_DIR");
    }

    [Fact]
    public async Task A_batch_is_written_to_all_of_its_days_or_to_none_and_writing_resumes_by_itself()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1)], default);
        // A folder of its name: the second day cannot be written, whoever tries.
        var obstacle = Directory.CreateDirectory(Path.Combine(Folder, "requests-2026-11-02.jsonl"));
        RequestRecord[] batch = [Records.At(2), Records.At(Day)];

        await Assert.ThrowsAnyAsync<Exception>(() => store.WriteAsync(batch, default));
        AssertStored(store, [Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
        AssertWholeLines(1);
        obstacle.Delete();
        await store.WriteAsync(batch, default);

        AssertStored(store, [Records.At(Day), Records.At(2), Records.At(1)], await ReadAsync(store, RequestFilter.Everything));
        Assert.Equal([3L, 2L, 1L], (await ReadAsync(store, RequestFilter.Everything)).Select(record => record.Id));
    }

    [Fact]
    public async Task A_file_that_somebody_removed_is_begun_again()
    {
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1)], default);
        Directory.Delete(Folder, recursive: true);

        await store.WriteAsync([Records.At(2)], default);

        AssertStored(store, [Records.At(2)], await ReadAsync(store, RequestFilter.Everything));
    }

    [Fact]
    public async Task Only_the_owner_may_read_the_files()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no such modes; the folder's own access list holds.");
        var store = await OpenJsonlAsync();
        await store.WriteAsync([Records.At(1), Records.At(Day), Records.At(2 * Day)], default);
        await store.RollAsync(default);
        await store.DeleteAsync(new RequestFilter { To = Records.At(1).Timestamp }, default);
        await store.WriteAsync([Records.At((2 * Day) + 1)], default);

#pragma warning disable CA1416 // Skipped on Windows.
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Folder));
        Assert.All(Directory.GetFiles(Folder), file => Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file)));
#pragma warning restore CA1416
    }

    /// <summary>The first day's file is whole lines, one for each record.</summary>
    private void AssertWholeLines(int records)
    {
        var text = File.ReadAllText(FirstDay);
        Assert.EndsWith("}\n", text, StringComparison.Ordinal);
        var lines = text.TrimEnd('\n').Split('\n');
        Assert.Equal(records, lines.Length);
        Assert.All(lines, line => Assert.True(new JsonlLine().Read(Encoding.UTF8.GetBytes(line), 0, Encoding.UTF8.GetByteCount(line))));
    }

    private async Task AssertRefusedAsync(params string[] words)
    {
        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(OpenAsync);
        Assert.All(words, word => Assert.Contains(word, exception.Message, StringComparison.Ordinal));
        Assert.Contains(Folder, exception.Message, StringComparison.Ordinal);
    }
}
