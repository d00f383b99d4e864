using System.Diagnostics;
using System.Globalization;

namespace OllamaProxy.Bench.Stores;

/// <summary>Questions to the analytics API of a running proxy, and how long their answers take.</summary>
internal sealed class StoreQuestions(int port, Corpus corpus, DateTimeOffset end) : IDisposable
{
    private readonly HttpClient _client = new() { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}")),
        Timeout = TimeSpan.FromMinutes(10) };

    private static readonly TimeSpan s_day = TimeSpan.FromDays(1);
    private static readonly TimeSpan s_week = TimeSpan.FromDays(7);

    /// <summary>The whole range of the records, where it is longer than a week.</summary>
    private IEnumerable<(string Title, TimeSpan Length)> Whole => corpus.Length > s_week ? [($"{corpus.Length.TotalDays} days", corpus.Length)] : [];

    /// <summary>A row of the table and the path that is asked for it.</summary>
    public IReadOnlyList<(string Title, string Path)> All =>
    [
        ("newest 50 of a model", $"/analytics/search?limit=50&model={Corpus.Model}"),
        ("newest 50 with a frequent word", $"/analytics/search?limit=50&search={corpus.Frequent}"),
        ("newest 50 with a rare word", $"/analytics/search?limit=50&search={corpus.Rare}"),
        ("newest 50 with a text in no record", "/analytics/search?limit=50&search=nobodyeversaidthis"),
        ("slowest 50", "/analytics/search?limit=50&sort=-latency"),
        .. Statistics,
    ];

    public IReadOnlyList<(string Title, string Path)> Statistics =>
    [
        .. from range in ((string Title, TimeSpan Length)[])[("24 hours", s_day), ("7 days", s_week), .. Whole]
           from filter in ((string Title, string Query)[])
           [
               ("", ""),
               (" in steps of an hour", "&step=1h"),
               (", one model", $"&model={Corpus.Model}"),
               (", one application and category", "&application=open-webui&category=summarize"),
               (", the busiest client", $"&client={Corpus.BusiestClient}"),
           ]
           select ($"statistics of {range.Title}{filter.Title}", $"/analytics/stats?{Range(range.Length)}{filter.Query}"),
    ];

    /// <summary>Median and p95 of some answers, in milliseconds.</summary>
    public async Task<(double Median, double P95)> TimeAsync(string path, int times, CancellationToken stop)
    {
        await AskAsync(path, stop);
        List<double> all = new(times);
        for (var time = 0; time < times; time++)
        {
            var begun = Stopwatch.GetTimestamp();
            await AskAsync(path, stop);
            all.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        all.Sort();
        return (all[times / 2], all[Math.Min(times - 1, times * 95 / 100)]);
    }

    public async Task AskAsync(string path, CancellationToken stop)
    {
        using var answer = await _client.GetAsync(path, stop);
        answer.EnsureSuccessStatusCode();
        await answer.Content.ReadAsByteArrayAsync(stop);
    }

    /// <summary>Reads an export to its end: records and seconds.</summary>
    public async Task<(long Records, double Seconds)> ExportAsync(string format, CancellationToken stop)
    {
        var begun = Stopwatch.GetTimestamp();
        using var answer = await _client.GetAsync($"/analytics/export?format={format}", HttpCompletionOption.ResponseHeadersRead, stop);
        answer.EnsureSuccessStatusCode();
        await using var body = await answer.Content.ReadAsStreamAsync(stop);
        var buffer = new byte[256 * 1024];
        long lines = 0;
        int read;
        while ((read = await body.ReadAsync(buffer, stop)) > 0)
        {
            lines += buffer.AsSpan(0, read).Count((byte)'\n');
        }

        return (lines - (format == "jsonl" ? 0 : 1), Stopwatch.GetElapsedTime(begun).TotalSeconds);
    }

    public void Dispose() => _client.Dispose();

    private string Range(TimeSpan length) =>
        string.Create(CultureInfo.InvariantCulture, $"start_time={(end - length).ToUnixTimeSeconds()}&end_time={end.ToUnixTimeSeconds()}");
}
