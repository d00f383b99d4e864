using System.Diagnostics;
using System.Globalization;
using System.Text;
using OllamaProxy.Bench.Report;
using OllamaProxy.Bench.Run;

namespace OllamaProxy.Bench.Scrape;

/// <summary>
/// The cost of the metrics page with the maximum number of model labels on several endpoints: series, bytes, time, memory.
/// </summary>
internal sealed class ScrapeBench(Contestant ours, Places places, CancellationToken stop)
{
    private const int Models = 100;
    private const int Scrapes = 20;

    private static readonly string[] s_prompts = ["Summarize this", "Translate this", "Explain this", "Write code", "Why?", "Create a poem", "Analyze this",
        "Help me", "List them", "Hello"];

    /// <summary>Measures the page and returns the table.</summary>
    public async Task<string> RunAsync()
    {
        using var upstream = new Child("upstream");
        var upstreamPort = int.Parse(upstream.ReadLine(), CultureInfo.InvariantCulture);
        using var proxy = RunningContestant.Start(
            ours with { Environment = new Dictionary<string, string>(ours.Environment) { ["ANALYTICS_BACKEND"] = "none" } }, upstreamPort, places);
        using var client = new HttpClient { BaseAddress = new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{proxy.Port}")) };
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Machine.Place()} {Models} models with {s_prompts.Length} kinds of prompts each on `/api/chat`; the time is the p50 of {Scrapes} scrapes.\n\n");
        text.Append("| | series | page, KiB | scrape, ms | RSS, MiB |\n|---|---:|---:|---:|---:|\n");
        await AskAsync(client, 0);
        await AddAsync("one model");
        for (var model = 1; model < Models; model++)
        {
            await AskAsync(client, model);
        }

        await AddAsync($"{Models} models");
        return text.ToString();

        async Task AddAsync(string title)
        {
            proxy.WaitUntilQuiet();
            var (series, bytes, milliseconds) = await MeasureAsync(client);
            text.Append(CultureInfo.InvariantCulture,
                $"| {title} | {Row.Text(series)} | {Row.Text(bytes / 1024.0)} | {Row.Text(milliseconds)} | {Row.Text(proxy.Meter!.ResidentMiB)} |\n");
        }
    }

    private async Task AskAsync(HttpClient client, int model)
    {
        foreach (var prompt in s_prompts)
        {
            using var body = new StringContent(string.Create(CultureInfo.InvariantCulture,
                $$"""{"model":"model-{{model}}","messages":[{"role":"user","content":"{{prompt}}"}],"stream":false}"""));
            using var answer = await client.PostAsync("/api/chat", body, stop);
            answer.EnsureSuccessStatusCode();
            await answer.Content.ReadAsByteArrayAsync(stop);
        }
    }

    private async Task<(int Series, int Bytes, double Milliseconds)> MeasureAsync(HttpClient client)
    {
        List<double> times = [];
        var page = "";
        for (var scrape = 0; scrape < Scrapes; scrape++)
        {
            var begun = Stopwatch.GetTimestamp();
            page = await client.GetStringAsync("/metrics", stop);
            times.Add(Stopwatch.GetElapsedTime(begun).TotalMilliseconds);
        }

        times.Sort();
        return (page.Split('\n').Count(line => line.Length > 0 && line[0] != '#'), Encoding.UTF8.GetByteCount(page), times[Scrapes / 2]);
    }
}
