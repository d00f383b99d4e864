using System.Globalization;
using System.Text;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Reports;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using OllamaProxy.Bench.Report;
using OllamaProxy.MicroBenchmarks;

// Run in this process: the default toolchain generates a project, which central package versions and lock files do not allow.
var config = new ManualConfig()
    .AddJob(Job.Default.WithToolchain(InProcessEmitToolchain.Instance).WithWarmupCount(3).WithIterationCount(9))
    .AddColumnProvider(DefaultColumnProviders.Instance)
    .AddLogger(ConsoleLogger.Default)
    .WithArtifactsPath(Path.Combine(Recording.Root, "artifacts", "bench", "micro"));
Summary[] summaries = [BenchmarkRunner.Run<ReaderBenchmarks>(config), BenchmarkRunner.Run<RecordingBenchmarks>(config)];

var table = new StringBuilder("| | ns | MB/s | bytes allocated |\n|---|---:|---:|---:|\n");
var isWhole = true;
foreach (var report in summaries.SelectMany(summary => summary.Reports))
{
    var descriptor = report.BenchmarkCase.Descriptor;
    if (report.ResultStatistics is not { } statistics)
    {
        isWhole = false;
        continue;
    }

    var bytes = ReaderBenchmarks.BytesOf(descriptor.WorkloadMethod.Name);
    var speed = bytes == 0 ? "–" : (bytes * 1_000 / statistics.Median).ToString("N0", CultureInfo.InvariantCulture);
    var allocated = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0;
    table.Append(CultureInfo.InvariantCulture, $"| {descriptor.WorkloadMethodDisplayInfo.Trim('\'')} | {statistics.Median:N0} | {speed} | {allocated:N0} |\n");
}

if (!isWhole)
{
    await Console.Error.WriteLineAsync("A benchmark failed; nothing was written.");
    return 1;
}

// Times are wall-clock times, so a busy machine makes them longer.
var load = File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";
table.Append(CultureInfo.InvariantCulture, $"\nLoad average at the end: {load}, with {Environment.ProcessorCount} cores.\n");
Console.WriteLine(table);
MarkedSection.Write(Path.Combine(Recording.Root, "docs", "performance.md"), "micro", table.ToString());
return 0;
