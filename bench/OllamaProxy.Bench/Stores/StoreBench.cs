using System.Globalization;
using System.Text;
using OllamaProxy.Bench.Report;
using OllamaProxy.Bench.Run;
using OllamaProxy.Infrastructure.Analytics;

namespace OllamaProxy.Bench.Stores;

/// <summary>
/// What records cost once there are very many: their size, how fast they are found, summed up and exported, and whether recording keeps up while a client
/// searches. The published program answers; the store is filled before it starts.
/// </summary>
internal sealed class StoreBench(BenchOptions options, Contestant ours, Places places, CancellationToken stop)
{
    private const int Rate = 2_000;
    private const int UpkeepSeconds = 180;

    /// <summary>Rows of the other corpus come last.</summary>
    private const int IndependentRows = 1_000;

    private static readonly TimeSpan s_searchPause = TimeSpan.FromMilliseconds(100);

    private readonly int _count = options.Quick ? 50_000 : 1_000_000;
    private readonly int _times = options.Quick ? 10 : 50;
    private readonly int _seconds = options.Quick ? 5 : 20;
    private static readonly (string Backend, string Title)[] s_backends = [("sqlite", "SQLite"), ("jsonl", "JSON lines"), ("postgres", "PostgreSQL")];

    private readonly SortedDictionary<int, (string Title, Dictionary<string, string> Values)> _rows = [];

    private IReadOnlyList<(string Title, string Value)> _pages = [];

    /// <summary>The table, and that of the dashboard.</summary>
    public async Task<string> RunAsync()
    {
        await using var server = await MeasuredServer.StartAsync();
        var url = await server.CreateDatabaseAsync();
        foreach (var (backend, _) in s_backends)
        {
            var folder = Directory.CreateTempSubdirectory("ollama-proxy-bench-store-").FullName;
            try
            {
                await MeasureAsync(backend, folder, backend == AnalyticsBackends.Postgres ? url : null);
            }
            finally
            {
                Directory.Delete(folder, recursive: true);
            }
        }

        await MeasureIndependentAsync();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Machine.Place()} {_count:N0} records of 7 days; queries are p50 and p95 of {_times}. {await MeasuredServer.DescribeAsync(url)}\n\n");
        text.Append(CultureInfo.InvariantCulture, $"| | {string.Join(" | ", s_backends.Select(backend => backend.Title))} |\n|---|---:|---:|---:|\n");
        foreach (var (title, values) in _rows.Values)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"| {title} | {string.Join(" | ", s_backends.Select(backend => values.GetValueOrDefault(backend.Backend, "–")))} |\n");
        }

        if (_pages.Count > 0)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\nThe dashboard over the same SQLite store, in a browser on the same machine. Milliseconds from the last byte of its HTML, or from the choice of a filter; p50 and the longest.\n\n");
            text.Append("| | first paint | interactive | complete | filter answered | filter drawn |\n|---|---:|---:|---:|---:|---:|\n");
            foreach (var (title, value) in _pages)
            {
                text.Append(CultureInfo.InvariantCulture, $"| {title} | {value} |\n");
            }
        }

        return text.ToString();
    }

    private async Task MeasureAsync(string backend, string folder, string? url)
    {
        var end = TimeProvider.System.GetUtcNow();
        var corpus = new Corpus(_count, end);
        var row = 0;
        var analytics = MeasuredServer.OptionsOf(backend, folder, url);
        var filled = await StoreFill.RunAsync(analytics, corpus.Records(), _count, stop);
        Add(row++, backend, "written in batches of 1,000: records/s", Row.Text(_count / filled.Seconds));
        Add(row++, backend, "… then the sums and text index of past days: s", filled.UpkeepSeconds is { } upkeep ? Row.Text(upkeep) : "–");
        Add(row++, backend, "bytes a record, texts and indexes included", Row.Text((double)(url is null ? SizeOf(folder) : filled.Bytes) / _count));

        using var upstream = new Child("upstream");
        var upstreamPort = int.Parse(upstream.ReadLine(), CultureInfo.InvariantCulture);
        using var load = new Child("load");
        using var proxy = MeasuredServer.StartProxy(ours, analytics, url, upstreamPort, places);
        proxy.WaitUntilQuiet(UpkeepSeconds);
        using var questions = new StoreQuestions(proxy.Port, corpus, end);
        foreach (var (title, path) in questions.All)
        {
            await Console.Error.WriteLineAsync($"stores: {backend}: {title}");
            // JSON lines are read, not looked up, and a query that takes seconds is sent twice only.
            var (median, p95) = await questions.TimeAsync(path, backend == "jsonl" ? 2 : _times, stop);
            Add(row++, backend, $"{title}: ms", $"{Row.Text(median)} / {Row.Text(p95)}");
        }

        if (backend == "sqlite")
        {
            _pages = await new PageTimes(proxy.Port).MeasureAsync();
        }

        foreach (var format in (string[])["jsonl", "csv"])
        {
            await Console.Error.WriteLineAsync($"stores: {backend}: export as {format}");
            proxy.Meter!.ResetPeak();
            var resident = proxy.Meter.ResidentMiB;
            var (records, took) = await questions.ExportAsync(format, stop);
            Add(row++, backend, $"export of everything as {format}: records/s", Row.Text(records / took));
            Add(row++, backend, $"export of everything as {format}: RSS growth, MiB", Row.Text(Math.Max(0, proxy.Meter.PeakMiB - resident)));
        }

        await RecordAsync(backend, row, proxy, questions, corpus, load, upstreamPort);
    }

    /// <summary>Statistics of records whose labels are independent of each other, the worst case for sums by labels. The records have no texts.</summary>
    private async Task MeasureIndependentAsync()
    {
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-bench-store-").FullName;
        try
        {
            var end = TimeProvider.System.GetUtcNow();
            var corpus = new Corpus(_count, end, isOffice: false, hasTexts: false);
            var analytics = MeasuredServer.OptionsOf("sqlite", folder, null);
            await StoreFill.RunAsync(analytics, corpus.Records(), _count, stop);
            using var upstream = new Child("upstream");
            using var proxy = MeasuredServer.StartProxy(ours, analytics, null, int.Parse(upstream.ReadLine(), CultureInfo.InvariantCulture), places);
            proxy.WaitUntilQuiet(UpkeepSeconds);
            using var questions = new StoreQuestions(proxy.Port, corpus, end);
            foreach (var (title, path) in questions.Statistics)
            {
                var (median, p95) = await questions.TimeAsync(path, _times, stop);
                Add(IndependentRows + _rows.Count, "sqlite", $"independent labels, {title}: ms", $"{Row.Text(median)} / {Row.Text(p95)}");
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Recording while a client searches.</summary>
    private async Task RecordAsync(string backend, int row, RunningContestant proxy, StoreQuestions questions, Corpus corpus, Child load, int upstreamPort)
    {
        await Console.Error.WriteLineAsync($"stores: {backend}: {Rate}/s for {_seconds} s with searches");
        var (written, dropped) = (proxy.Counter("ollama_proxy_records_written_total"), proxy.Counter("ollama_proxy_records_dropped_total"));
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var searching = SearchAsync(questions, $"/analytics/search?limit=50&search={corpus.Rare}", over.Token);
        var results = await Task.Run(() => load.Measure(string.Create(CultureInfo.InvariantCulture,
            $"chat rate={Rate} connections=16 port={proxy.Port} upstream={upstreamPort} seconds={_seconds} mib=0")), stop);
        await over.CancelAsync();
        var searches = await searching;
        proxy.WaitUntilQuiet();
        // What came last waits for up to 250 ms to be written together (ANALYTICS_FLUSH_MS).
        await Task.Delay(TimeSpan.FromMilliseconds(350), stop);
        Add(row++, backend, $"{Rate:N0} exchanges/s for {_seconds} s, a search every 100 ms: exchanges", Row.Text(results["units"]));
        Add(row++, backend, "… records written", Row.Text(proxy.Counter("ollama_proxy_records_written_total") - written));
        Add(row++, backend, "… records dropped", Row.Text(proxy.Counter("ollama_proxy_records_dropped_total") - dropped));
        searches.Sort();
        Add(row, backend, "… searches, ms",
            searches.Count == 0
            ? "–"
            : $"{Row.Text(searches[searches.Count / 2])} / {Row.Text(searches[Math.Min(searches.Count - 1, searches.Count * 95 / 100)])}");
    }

    private static async Task<List<double>> SearchAsync(StoreQuestions questions, string path, CancellationToken stop)
    {
        List<double> times = [];
        using var timer = new PeriodicTimer(s_searchPause);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
            {
                var begun = System.Diagnostics.Stopwatch.GetTimestamp();
                await questions.AskAsync(path, stop);
                times.Add(System.Diagnostics.Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
            }
        }
        catch (OperationCanceledException)
        {
            // The load is over.
        }

        return times;
    }

    private void Add(int row, string backend, string title, string value)
    {
        if (!_rows.TryGetValue(row, out var known))
        {
            _rows[row] = known = (title, []);
        }

        known.Values[backend] = value;
        Console.Error.WriteLine($"stores: {backend}: {title}: {value}");
    }

    private static long SizeOf(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Sum(file => new FileInfo(file).Length);
}
