using System.Globalization;
using System.Net;
using System.Text;
using OllamaProxy.Bench.Report;
using OllamaProxy.Bench.Run;

namespace OllamaProxy.Bench.Soak;

/// <summary>
/// Checks for leaks: an hour of mixed traffic with clients that disconnect at random, with every feature on. It compares memory, descriptors and threads of
/// the published program at the start and at the end, and checks that every exchange was recorded and none is still counted as active.
/// </summary>
internal sealed class SoakBench(BenchOptions options, Contestant ours, Places places, CancellationToken stop)
{
    private const int Rate = 200;

    /// <summary>The tokens of a stream, and their rate.</summary>
    private const int Tokens = 40;
    private const int TokensPerSecond = 100;

    private readonly TimeSpan _length = TimeSpan.FromMinutes(options.Minutes ?? 60);
    private readonly TimeSpan _samplePause = TimeSpan.FromSeconds(options.Quick ? 1 : 10);
    private readonly Random _random = new(1);
    private readonly List<(double Resident, int Descriptors, int Threads)> _samples = [];
    private int _whole;
    private int _left;
    private int _failed;

    /// <summary>Runs the load and returns the table.</summary>
    public async Task<string> RunAsync()
    {
        using var upstream = new Child("upstream");
        var upstreamPort = int.Parse(upstream.ReadLine(), CultureInfo.InvariantCulture);
        using var proxy = RunningContestant.Start(ours, upstreamPort, places);
        using var client = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new Uri(
            string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{proxy.Port}")) };
        var begun = TimeProvider.System.GetTimestamp();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var sampling = SampleAsync(proxy.Meter!, over.Token);
        await LoadAsync(client, begun);
        await over.CancelAsync();
        await sampling;
        proxy.WaitUntilQuiet();
        // The last records may wait up to 250 ms for their batch (ANALYTICS_FLUSH_MS).
        await Task.Delay(TimeSpan.FromMilliseconds(350), stop);
        return Table(proxy);
    }

    /// <summary>Starts each exchange when due, without waiting for earlier ones.</summary>
    private async Task LoadAsync(HttpClient client, long begun)
    {
        HashSet<Task> running = [];
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(1000.0 / Rate));
        var sent = 0;
        while (TimeProvider.System.GetElapsedTime(begun) < _length)
        {
            await timer.WaitForNextTickAsync(stop);
            // Start the exchanges of missed timer ticks, too.
            for (; sent < TimeProvider.System.GetElapsedTime(begun).TotalSeconds * Rate; sent++)
            {
                running.Add(ExchangeAsync(client, _random.Next(10), _random.Next(10) == 0 ? 20 + _random.Next(300) : null));
            }

            running.RemoveWhere(static task => task.IsCompleted);
        }

        await Task.WhenAll(running);
    }

    /// <param name="client">The client of all exchanges.</param>
    /// <param name="kind">0 and 1: a request without a model; 2 to 5: a chat without streaming; from 6: a streamed chat.</param>
    /// <param name="patience">Milliseconds until the client disconnects; null for a client that stays.</param>
    private async Task ExchangeAsync(HttpClient client, int kind, int? patience)
    {
        using var leaving = patience is { } milliseconds ? new CancellationTokenSource(milliseconds) : new CancellationTokenSource();
        using var request = kind < 2 ? new HttpRequestMessage(HttpMethod.Get, "/api/version") : new HttpRequestMessage(HttpMethod.Post, "/api/chat")
        {
            Content =
                new StringContent(
                    $$"""{"model":"llama3.2:3b","stream":{{(kind < 6 ? "false" : "true")}},"messages":[{"role":"user","content":"Why is the sky blue?"}]}""",
                    Encoding.UTF8,
                    "application/json"),
        };
        request.Headers.TryAddWithoutValidation("Bench", string.Create(CultureInfo.InvariantCulture, $"0 {(kind < 6 ? 0 : Tokens)} {TokensPerSecond}"));
        try
        {
            using var answer = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, leaving.Token);
            await answer.Content.CopyToAsync(Stream.Null, leaving.Token);
            Interlocked.Increment(ref answer.StatusCode == HttpStatusCode.OK ? ref _whole : ref _failed);
        }
        catch (OperationCanceledException)
        {
            Interlocked.Increment(ref _left);
        }
        catch (HttpRequestException)
        {
            Interlocked.Increment(ref _failed);
        }
    }

    private async Task SampleAsync(ProcessMeter meter, CancellationToken over)
    {
        using var timer = new PeriodicTimer(_samplePause);
        try
        {
            while (await timer.WaitForNextTickAsync(over))
            {
                _samples.Add((meter.ResidentMiB, meter.Descriptors, meter.Threads));
                if (_samples.Count % 30 == 0)
                {
                    await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
                        $"soak: {_samples.Count * _samplePause}: {_samples[^1].Resident:N1} MiB, {_samples[^1].Descriptors} descriptors, "
                        + $"{_whole:N0} whole, {_left:N0} left, {_failed} failed"));
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The load is over.
        }
    }

    private string Table(RunningContestant proxy)
    {
        // In a run of an hour, skip the first minute, and compare the ten minutes after it with the last ten.
        var part = _samples.Count / 6;
        var first = _samples.Skip(_samples.Count / 60).Take(part).ToList();
        var last = _samples.TakeLast(part).ToList();
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture,
            $"{Machine.Place()} {Rate} exchanges/s for {_length.TotalMinutes:N0} minutes; "
            + $"in a tenth of them the client disconnects after 20 to 320 ms. Medians.\n\n");
        text.Append("| | first sixth, warmed up | last sixth |\n|---|---:|---:|\n");
        Add("RSS, MiB", sample => sample.Resident);
        Add("descriptors", sample => sample.Descriptors);
        Add("threads", sample => sample.Threads);
        text.Append("\n| at the end | |\n|---|---:|\n");
        foreach (var (title, value) in new (string, double)[]
        {
            ("complete exchanges", _whole),
            ("… cancelled by the client", _left),
            ("… failed", _failed),
            ("requests that reached the proxy", proxy.Counter("ollama_requests_total")),
            ("records written", proxy.Counter("ollama_proxy_records_written_total")),
            ("records dropped", proxy.Counter("ollama_proxy_records_dropped_total")),
            ("still active (`ollama_active_requests`)", proxy.Counter("ollama_active_requests")),
        })
        {
            text.Append(CultureInfo.InvariantCulture, $"| {title} | {value:N0} |\n");
        }

        return text.ToString();

        void Add(string title, Func<(double Resident, int Descriptors, int Threads), double> value) =>
            text.Append(CultureInfo.InvariantCulture, $"| {title} | {Row.Text(Median(first.Select(value)))} | {Row.Text(Median(last.Select(value)))} |\n");
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : sorted[sorted.Length / 2];
    }
}
