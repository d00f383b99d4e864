using System.Diagnostics;
using System.Globalization;
using OllamaProxy.Bench.Report;
using OllamaProxy.Bench.Run;
using OllamaProxy.TestKit;

namespace OllamaProxy.Bench.Stores;

/// <summary>Clients of a proxy whose PostgreSQL server is stopped for some minutes, and whether every exchange is recorded once when it is back.</summary>
internal sealed class OutageBench(BenchOptions options, Contestant ours, Places places, PostgresServer server, CancellationToken stop)
{
    private const int Rate = 200;

    private static readonly TimeSpan s_poll = TimeSpan.FromMilliseconds(100);

    /// <summary>The load runs before the stop and after the start of the server for so long.</summary>
    private static readonly TimeSpan s_margin = TimeSpan.FromSeconds(5);

    /// <summary>Nothing more is written when nothing was written for so long.</summary>
    private static readonly TimeSpan s_settled = TimeSpan.FromSeconds(10);

    private readonly TimeSpan _length = TimeSpan.FromMinutes(options.Minutes ?? 10);
    private readonly TimeSpan _before = TimeSpan.FromSeconds(options.Quick ? 10 : 60);

    /// <summary>The rows of the table.</summary>
    public async Task<IReadOnlyList<(string Title, string Value)>> RunAsync(string folder)
    {
        var url = await server.CreateDatabaseAsync();
        using var upstream = new Child("upstream");
        var upstreamPort = int.Parse(upstream.ReadLine(), CultureInfo.InvariantCulture);
        using var load = new Child("load");
        using var proxy = MeasuredServer.StartProxy(ours, MeasuredServer.OptionsOf("postgres", folder, url), url, upstreamPort, places);
        Task<Dictionary<string, double>> LoadAsync(TimeSpan length) => Task.Run(() => load.Measure(string.Create(CultureInfo.InvariantCulture,
            $"chat rate={Rate} connections=16 port={proxy.Port} upstream={upstreamPort} seconds={length.TotalSeconds} mib=0")), stop);

        var before = await LoadAsync(_before);
        var loading = LoadAsync(_length + (2 * s_margin));
        await Task.Delay(s_margin, stop);
        await server.StopAsync();
        await Console.Error.WriteLineAsync($"postgres: server stopped for {_length}");
        await Task.Delay(_length, stop);
        var spooled = SpoolOf(folder).Sum(file => file.Length);
        await server.RestartAsync();
        var restarted = Stopwatch.GetTimestamp();
        while (SpoolOf(folder).Any())
        {
            await Task.Delay(s_poll, stop);
        }

        var drained = Stopwatch.GetElapsedTime(restarted).TotalSeconds;
        var during = await loading;
        await SettleAsync(url);
        var exchanges = before["units"] + during["units"];
        return
        [
            ($"the server stopped for {_length.TotalMinutes} minutes at {Rate} exchanges/s: exchanges", Row.Text(exchanges)),
            ("… of them failed", Row.Text(before["errors"] + during["errors"])),
            ("… records in the database", await CountAsync("SELECT count(*) FROM ollama_proxy.requests")),
            ("… different ids of them", await CountAsync("SELECT count(DISTINCT request_id) FROM ollama_proxy.requests")),
            ("… requests in the hourly sums", await CountAsync("SELECT sum(requests) FROM ollama_proxy.hourly")),
            ("… records dropped", Row.Text(proxy.Counter("ollama_proxy_records_dropped_total"))),
            ("… MB in the spool at the end, and seconds until they were written", $"{Row.Text(spooled / 1e6)}, {Row.Text(drained)}"),
            ("… answers before the stop, p50 / p99: µs", Times(before)),
            ("… answers while it was stopped, p50 / p99: µs", Times(during)),
        ];

        async Task<string> CountAsync(string sql) => Row.Text(await MeasuredServer.CountAsync(url, sql));
    }

    /// <summary>Waits until no more records arrive.</summary>
    private async Task SettleAsync(string url)
    {
        var (rows, since) = (-1L, Stopwatch.GetTimestamp());
        while (Stopwatch.GetElapsedTime(since) < s_settled)
        {
            var now = await MeasuredServer.CountAsync(url, "SELECT count(*) FROM ollama_proxy.requests");
            (rows, since) = now == rows ? (rows, since) : (now, Stopwatch.GetTimestamp());
            await Task.Delay(s_poll, stop);
        }
    }

    private static IEnumerable<FileInfo> SpoolOf(string folder) =>
        new DirectoryInfo(Path.Combine(folder, "spool")) is { Exists: true } spool ? spool.EnumerateFiles("*.jsonl") : [];

    private static string Times(Dictionary<string, double> results) => $"{Row.Text(results["p50_us"])} / {Row.Text(results["p99_us"])}";
}
