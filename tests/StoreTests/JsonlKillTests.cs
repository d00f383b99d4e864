using System.Diagnostics;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Jsonl;
using OllamaProxy.TestKit;

namespace OllamaProxy.StoreTests;

/// <summary>A process that is killed while it writes and compresses.</summary>
public sealed class JsonlKillTests : IDisposable
{
    private const int BatchSize = 10;

    /// <summary>Batches a day: days are compressed while later ones are written.</summary>
    private const int BatchesPerDay = 15;

    /// <summary>Made when asked for: the process that is killed must not leave one of its own.</summary>
    private readonly Lazy<DirectoryInfo> _folder = new(() => Directory.CreateTempSubdirectory("ollama-proxy-kill-"));

#pragma warning disable RS0030 // The same switch as the slow tests': more rounds, not another test.
    private static int Rounds => Environment.GetEnvironmentVariable("RUN_SLOW_TESTS") == "1" ? 50 : 3;
#pragma warning restore RS0030

    private string Data => Path.Combine(_folder.Value.FullName, "data");

    private string Acknowledged => Path.Combine(_folder.Value.FullName, "acknowledged");

    [Fact]
    public async Task A_writer_that_is_killed_loses_nothing_it_was_told_is_written()
    {
        for (var round = 0; round < Rounds; round++)
        {
            await KillWriterAsync(after: Random.Shared.Next(1, 3 * BatchesPerDay));
            var written = (int)new FileInfo(Acknowledged).Length;

            using var store = new JsonlAnalyticsStore(new AnalyticsOptions { Directory = Data }, TimeProvider.System);
            await store.OpenAsync(default);
            var records = await store.ReadAsync(RequestFilter.Everything, default).ToListAsync();

            Assert.InRange(records.Count, written * BatchSize, (written + 1) * BatchSize);
            Assert.Equal(Enumerable.Range(0, records.Count).Select(Record), records.OrderBy(record => record.Id).Select(record => record with { Id = 0 }));
            Assert.Equal(Enumerable.Range(1, records.Count), records.Select(record => (int)record.Id).Order());
            await store.WriteAsync([Record(records.Count)], default);
            Assert.Equal(records.Count + 1, (await store.DescribeAsync(default)).TotalRecords);
            store.Dispose();
            Directory.Delete(Data, recursive: true);
            File.Delete(Acknowledged);
        }
    }

    /// <summary>
    /// Not a test: what the process does that is killed. It takes the folder from its input and appends a byte to a file for each batch that is written.
    /// </summary>
    [Fact(Explicit = true)]
    public async Task Write_until_killed()
    {
        var folder = await Console.In.ReadLineAsync() ?? throw new InvalidOperationException("The folder must come in.");
        using var store = new JsonlAnalyticsStore(new AnalyticsOptions { Directory = Path.Combine(folder, "data") }, TimeProvider.System);
        await store.OpenAsync(default);
        await using var acknowledged = new FileStream(Path.Combine(folder, "acknowledged"), FileMode.Create, FileAccess.Write, FileShare.ReadWrite,
            bufferSize: 0);
        for (var batch = 0; ; batch++)
        {
            await store.WriteAsync([.. Enumerable.Range(batch * BatchSize, BatchSize).Select(Record)], default);
            acknowledged.WriteByte((byte)'.');
        }
    }

    public void Dispose()
    {
        if (_folder.IsValueCreated)
        {
            _folder.Value.Delete(recursive: true);
        }
    }

    private static RequestRecord Record(int index) => Records.At((index / BatchSize / BatchesPerDay * 86_400) + (index % (BatchSize * BatchesPerDay))) with
    {
        RequestId = $"{index:x32}",
        Prompt = string.Join(' ', Enumerable.Range(index, 50 + (index * 7919 % 1_000))),
    };

    private async Task KillWriterAsync(int after)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        foreach (var argument in (string[])["-method", $"{typeof(JsonlKillTests).FullName}.{nameof(Write_until_killed)}", "-explicit", "only", "-noLogo"])
        {
            start.ArgumentList.Add(argument);
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync();
        await process.StandardInput.WriteLineAsync(_folder.Value.FullName);
        await process.StandardInput.FlushAsync();
        try
        {
            await Eventually.TrueAsync(() => process.HasExited || (File.Exists(Acknowledged) && new FileInfo(Acknowledged).Length >= after));
            Assert.False(process.HasExited, process.HasExited ? await output : "");
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }
}
