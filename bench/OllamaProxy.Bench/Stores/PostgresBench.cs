using System.Diagnostics;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Bench.Report;
using OllamaProxy.Bench.Run;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.TestKit;

namespace OllamaProxy.Bench.Stores;

/// <summary>PostgreSQL with the records of a month in a large office: how fast they are written, summed up and dropped. Then a server that is away.</summary>
internal sealed class PostgresBench(BenchOptions options, Contestant ours, Places places, CancellationToken stop)
{
    private const int Days = 30;
    private const int BatchSize = 10_000;

    /// <summary>Records with texts take four times the space, so they are fewer.</summary>
    private readonly int _textCount = Math.Min(options.Records, 500_000);

    private readonly int _times = options.Quick ? 10 : 50;
    private readonly StringBuilder _rows = new();

    /// <summary>The table.</summary>
    public async Task<string> RunAsync()
    {
        await using var server = await MeasuredServer.StartAsync();
        var url = await server.CreateDatabaseAsync();
        _rows.Append(CultureInfo.InvariantCulture, $"{Machine.Place()} {await MeasuredServer.DescribeAsync(url)} ");
        _rows.Append(CultureInfo.InvariantCulture,
            $"{options.Records:N0} records without texts in {Days} days; queries are p50 and p95 of {_times}.\n\n| | |\n|---|---:|\n");
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-bench-postgres-").FullName;
        try
        {
            await FillWithTextsAsync(server, folder);
            await MeasureAsync(url, folder);
            await server.DropDatabaseAsync(url);
            foreach (var (title, value) in await new OutageBench(options, ours, places, server, stop).RunAsync(Path.Combine(folder, "outage")))
            {
                Add(title, value);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return _rows.ToString();
    }

    private async Task FillWithTextsAsync(PostgresServer server, string folder)
    {
        var url = await server.CreateDatabaseAsync();
        var corpus = new Corpus(_textCount, TimeProvider.System.GetUtcNow());
        var filled = await StoreFill.RunAsync(MeasuredServer.OptionsOf("postgres", folder, url), corpus.Records(), _textCount, stop, BatchSize);
        Add($"{_textCount:N0} with texts, written in batches of {BatchSize:N0}: records/s", Row.Text(_textCount / filled.Seconds));
        Add("… then the sums and text index of past days: s", Row.Text(filled.UpkeepSeconds));
        Add("… bytes a record, texts and indexes included", Row.Text((double)filled.Bytes / _textCount));
        await server.DropDatabaseAsync(url);
    }

    private async Task MeasureAsync(string url, string folder)
    {
        var end = TimeProvider.System.GetUtcNow();
        var corpus = new Corpus(options.Records, end, hasTexts: false, days: Days);
        var analytics = MeasuredServer.OptionsOf("postgres", folder, url);
        var filled = await StoreFill.RunAsync(analytics, corpus.Records(), options.Records, stop, BatchSize);
        Add($"written in batches of {BatchSize:N0}: records/s", Row.Text(options.Records / filled.Seconds));
        Add("… then the sums of past days: s", Row.Text(filled.UpkeepSeconds));
        Add("bytes a record, indexes included", Row.Text((double)filled.Bytes / options.Records));

        using var upstream = new Child("upstream");
        using var proxy = MeasuredServer.StartProxy(ours, analytics, url, int.Parse(upstream.ReadLine(), CultureInfo.InvariantCulture), places);
        proxy.WaitUntilQuiet();
        using var questions = new StoreQuestions(proxy.Port, corpus, end);
        foreach (var (title, path) in questions.Statistics)
        {
            var (median, p95) = await questions.TimeAsync(path, _times, stop);
            Add($"{title}: ms", $"{Row.Text(median)} / {Row.Text(p95)}");
        }

        await RetainAsync(analytics);
    }

    /// <summary>Drops the first day, of which only a part has records, and then the second one.</summary>
    private async Task RetainAsync(AnalyticsOptions analytics)
    {
        await using var provider = StoreFill.Services(analytics);
        var store = provider.GetRequiredService<ReopeningStore>();
        await store.OpenAsync(stop);
        var oldest = (await store.DescribeAsync(stop)).Oldest!.Value;
        var midnight = new DateTimeOffset(oldest.UtcDateTime.Date, TimeSpan.Zero);
        await store.RetainAsync(new RetentionRules(midnight.AddDays(1), null, null), stop);
        var begun = Stopwatch.GetTimestamp();
        var dropped = await store.RetainAsync(new RetentionRules(midnight.AddDays(2), null, null), stop);
        Add($"retention of a day of {dropped.Records:N0} records: ms", Row.Text(Stopwatch.GetElapsedTime(begun).TotalMilliseconds));
    }

    private void Add(string title, string value)
    {
        _rows.Append(CultureInfo.InvariantCulture, $"| {title} | {value} |\n");
        Console.Error.WriteLine($"postgres: {title}: {value}");
    }
}
