using System.Diagnostics;
using System.Globalization;

namespace OllamaProxy.Bench.Run;

/// <summary>
/// Runs the rounds. Each round restarts every contestant and measures every scenario with each contestant in turn, so that compared values are measured
/// within seconds of each other. Each round begins with another contestant.
/// </summary>
internal sealed class BenchRun(BenchOptions options, IReadOnlyList<Contestant> contestants, Places places, CancellationToken stop)
{
    /// <summary>How long after the start the memory at rest is read.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromSeconds(1);

    private readonly IReadOnlyList<Scenario> _scenarios = [.. Scenario.All.Where(scenario => options.Only.Count == 0 || options.Only.Contains(scenario.Name))];

    public Figures Figures { get; } = new();

    /// <summary>The share of the processor time that other programs took during the run, 0 to 1.</summary>
    public double OthersShare { get; private set; }

    public void Run()
    {
        using var upstream = new Child("upstream");
        var upstreamPort = int.Parse(upstream.ReadLine(), CultureInfo.InvariantCulture);
        using var load = new Child("load");
        var (begun, busy, ours) = (Stopwatch.GetTimestamp(), ProcessMeter.MachineBusySeconds(), 0.0);
        for (var round = 1; round <= options.Rounds; round++)
        {
            ours += RunRound(round, upstreamPort, load);
        }

        ours += upstream.Meter.CpuSeconds + load.Meter.CpuSeconds + Environment.CpuUsage.TotalTime.TotalSeconds;
        var available = Stopwatch.GetElapsedTime(begun).TotalSeconds * Environment.ProcessorCount;
        OthersShare = Math.Clamp((ProcessMeter.MachineBusySeconds() - busy - ours) / available, 0, 1);
    }

    /// <returns>The CPU seconds of all contestants.</returns>
    private double RunRound(int round, int upstreamPort, Child load)
    {
        List<RunningContestant> running = [];
        try
        {
            foreach (var contestant in Rotated(contestants, round))
            {
                stop.ThrowIfCancellationRequested();
                var started = RunningContestant.Start(contestant, upstreamPort, places);
                running.Add(started);
                started.WaitUntilQuiet();
            }

            Thread.Sleep(s_settle);
            foreach (var contestant in running.Where(contestant => contestant.Meter is not null))
            {
                Add(Scenario.Start, contestant, round, "start_ms", contestant.StartMilliseconds);
                Add(Scenario.Start, contestant, round, "idle_mib", contestant.Meter!.ResidentMiB);
            }

            foreach (var scenario in _scenarios.Where(scenario => round <= scenario.Rounds))
            {
                Console.Error.WriteLine($"round {round} of {options.Rounds}: {scenario.Name}");
                foreach (var contestant in running)
                {
                    stop.ThrowIfCancellationRequested();
                    Measure(scenario, contestant, round, upstreamPort, load);
                }
            }

            return running.Sum(contestant => contestant.Meter?.CpuSeconds ?? 0);
        }
        finally
        {
            running.ForEach(contestant => contestant.Dispose());
        }
    }

    private void Measure(Scenario scenario, RunningContestant contestant, int round, int upstreamPort, Child load)
    {
        var line = scenario.Line(contestant.Port, upstreamPort, options.Quick);
        var isRecorded = scenario.IsRecorded && contestant.Contestant.Metrics;
        if (contestant.Meter is not { } meter)
        {
            AddAll(load.Measure(line));
            return;
        }

        var (written, dropped) = isRecorded ? Records(contestant) : default;
        meter.ResetPeak();
        var (resident, cpu, begun) = (meter.ResidentMiB, meter.CpuSeconds, Stopwatch.GetTimestamp());
        var results = load.Measure(line);
        var seconds = Stopwatch.GetElapsedTime(begun).TotalSeconds;
        contestant.WaitUntilQuiet();
        var spent = meter.CpuSeconds - cpu;
        AddAll(results);
        if (results.TryGetValue("units", out var units) && units > 0)
        {
            Add(scenario.Name, contestant, round, "cpu_us_per_unit", spent * 1e6 / units);
        }

        Add(scenario.Name, contestant, round, "cpu_percent", spent * 100 / seconds);
        Add(scenario.Name, contestant, round, "peak_mib", meter.PeakMiB);
        Add(scenario.Name, contestant, round, "growth_mib", Math.Max(meter.PeakMiB - resident, 0));
        if (results.TryGetValue("streams", out var streams))
        {
            Add(scenario.Name, contestant, round, "kib_per_stream", Math.Max(meter.PeakMiB - resident, 0) * 1024 / streams);
        }

        if (isRecorded)
        {
            var (writtenNow, droppedNow) = Records(contestant);
            Add(scenario.Name, contestant, round, "written", writtenNow - written);
            Add(scenario.Name, contestant, round, "dropped", droppedNow - dropped);
        }

        void AddAll(Dictionary<string, double> values)
        {
            foreach (var (name, value) in values)
            {
                Add(scenario.Name, contestant, round, name, value);
            }

            if (values.GetValueOrDefault("errors") > 0)
            {
                Console.Error.WriteLine($"  {contestant.Contestant.Name}: {values["errors"]} failed");
            }
        }
    }

    private static (double Written, double Dropped) Records(RunningContestant contestant)
    {
        // The last records may wait up to 250 ms for their batch (ANALYTICS_FLUSH_MS).
        Thread.Sleep(350);
        return (contestant.Counter("ollama_proxy_records_written_total"), contestant.Counter("ollama_proxy_records_dropped_total"));
    }

    private void Add(string scenario, RunningContestant contestant, int round, string name, double value) =>
        Figures.Add(scenario, contestant.Contestant.Name, round, name, value);

    private static IEnumerable<Contestant> Rotated(IReadOnlyList<Contestant> contestants, int round) =>
        Enumerable.Range(0, contestants.Count).Select(index => contestants[(index + round - 1) % contestants.Count]);
}
