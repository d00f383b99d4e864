using System.Diagnostics;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

public abstract partial class RememberingStoreContract
{
    /// <summary>Kills in one run: fifty with <c>./build.sh test --slow</c>.</summary>
    private static readonly int s_kills = Environment.GetEnvironmentVariables()["RUN_SLOW_TESTS"] is "1" ? 50 : 3;

    /// <summary>The arguments of the process that writes until it is killed: the backend, and where it keeps records.</summary>
    private protected abstract string[] ProcessArguments { get; }

    /// <summary>Looks at the files themselves.</summary>
    private protected virtual void AssertIntact()
    {
    }

    [Fact]
    public async Task A_kill_at_any_moment_loses_nothing_that_was_written()
    {
        HashSet<string> written = [];
        for (var round = 0; round < s_kills; round++)
        {
            await WriteUntilKilledAsync(written);
            AssertIntact();
        }

        var reopened = await OpenAsync();
        var all = await ReadAsync(reopened, RequestFilter.Everything);
        Assert.Superset(written, all.Select(record => record.RequestId).ToHashSet());
        Assert.Equal(all.Count, all.Select(record => record.RequestId).Distinct().Count());
        Assert.Equal(all, await ReadAsync(reopened, new RequestFilter { Search = "WHY IS IT" }));
        var query = new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1));
        Expected.AssertStats(all, query, await reopened.SummarizeAsync(query, default));
    }

    [Fact]
    public virtual async Task A_full_disk_fails_the_write_whole_and_writing_resumes()
    {
        using var disk = Mount("24m");
        var store = await OpenAsync();
        var before = Enumerable.Range(0, 100).Select(Records.At).ToList();
        await store.WriteAsync(before, default);
        disk.Fill();
        List<RequestRecord> batch = [.. Enumerable.Range(100, 1_000).Select(second => Records.At(second) with { Prompt = new string('x', 1_500) + second })];

        for (var tries = 0; tries < 3; tries++)
        {
            await Assert.ThrowsAnyAsync<Exception>(() => store.WriteAsync(batch, default));
            Assert.Equal(before, (await ReadAsync(store, RequestFilter.Everything)).Select(record => record with { Id = 0 }).Reverse());
        }

        disk.Clear();
        await store.WriteAsync(batch, default);

        Assert.Equal([.. before, .. batch], (await ReadAsync(store, RequestFilter.Everything)).Select(record => record with { Id = 0 }).Reverse());
        Assert.Equal(1_100, (await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);
        Assert.Single(await ReadAsync(store, new RequestFilter { Search = "X1099" }));
        (store as IDisposable)?.Dispose();
        AssertIntact();
    }

    [Fact]
    public virtual async Task A_folder_that_cannot_be_written_to_is_refused_with_the_way_out()
    {
        using var disk = Mount("1m");
        disk.MakeReadOnly();

        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(OpenAsync);

        Assert.Contains(Folder, exception.Message, StringComparison.Ordinal);
        Assert.Contains("ANALYTICS_DIR", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_clock_that_jumps_mixes_nothing_up()
    {
        var store = await OpenAsync();
        List<RequestRecord> records = [];
        foreach (var (days, number) in ((int, int)[])[(0, 1), (400, 2), (400, 3), (-30, 4), (0, 5), (-3_650, 6), (1, 7)])
        {
            var record = Records.At(number);
            records.Add(record with { Timestamp = record.Timestamp.AddDays(days) });
            await store.WriteAsync([records[^1]], default);
        }

        var all = await ReadAsync(store, RequestFilter.Everything);
        Assert.Equal(records.OrderByDescending(record => record.Timestamp).Select(record => record.RequestId), all.Select(record => record.RequestId));
        Assert.Equal(2, (await ReadAsync(store, new RequestFilter { From = records[1].Timestamp.AddDays(-1) })).Count);
        Expected.AssertStats(all, new StatsQuery(RequestFilter.Everything), await store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default));
    }

    private SmallDisk Mount(string size)
    {
        var disk = SmallDisk.TryMount(Path.GetDirectoryName(Folder)!, size);
        Assert.SkipWhen(disk is null, SmallDisk.Reason);
        return disk;
    }

    private async Task WriteUntilKilledAsync(HashSet<string> written)
    {
        var program = ProxyProcess.BuildOutput("tests/StoreProcess", OperatingSystem.IsWindows() ? "store-process.exe" : "store-process");
        var start = new ProcessStartInfo(program, ProcessArguments) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var lines = 0;
        // Killed after some batches, in the middle of what it does then.
        var enough = 1 + Random.Shared.Next(25);
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split(' ') is [.. var ids, "."])
            {
                written.UnionWith(ids);
            }

            if (++lines == enough)
            {
                for (var patience = Stopwatch.StartNew(); patience.Elapsed < Random.Shared.NextDouble() * TimeSpan.FromMilliseconds(5);)
                {
                }

                process.Kill();
            }
        }

        await process.WaitForExitAsync();
        Assert.True(lines >= enough, await errors);
    }
}
