using System.Runtime.InteropServices;
using OllamaProxy.Bench.Report;
using OllamaProxy.Bench.Scrape;
using OllamaProxy.Bench.Soak;
using OllamaProxy.Bench.Stores;

namespace OllamaProxy.Bench.Run;

/// <summary><c>run PROXY [option...]</c>: measures, prints the table, and after a full run writes it into the documents.</summary>
internal static class RunCommand
{
    public static int Execute(string proxy, ReadOnlySpan<string> arguments)
    {
        var places = new Places(Directory.GetCurrentDirectory(), Path.GetFullPath(proxy));
        var all = Contestant.Load(places.Contestants);
        if (BenchOptions.Parse(arguments) is not { } options || options.Unknown(all).Any())
        {
            Console.Error.WriteLine(BenchOptions.Usage);
            Console.Error.WriteLine($"scenarios: {string.Join(' ', Scenario.All.Select(scenario => scenario.Name).Concat(Scenario.Others))}");
            Console.Error.WriteLine($"contestants: {string.Join(' ', all.Select(contestant => contestant.Name))}");
            return 2;
        }

        var contestants = all.Where(contestant => IsWanted(contestant, options) && IsHere(contestant, places)).ToList();
        using var stop = new CancellationTokenSource();
        // An interrupt ends the run in order, so that the contestants are stopped.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            _ = stop.CancelAsync();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var run = new BenchRun(options, contestants, places, stop.Token);
        var ours = all.Single(contestant => contestant.Name == "ours");
        (string Name, bool IsWanted, Func<Task<string>> RunAsync)[] others =
        [
            (Scenario.Scrape, options.Wants(Scenario.Scrape), () => new ScrapeBench(ours, places, stop.Token).RunAsync()),
            (Scenario.Stores, options.Wants(Scenario.Stores), () => new StoreBench(options, ours, places, stop.Token).RunAsync()),
            (Scenario.Postgres, options.Only.Contains(Scenario.Postgres), () => new PostgresBench(options, ours, places, stop.Token).RunAsync()),
            (Scenario.Soak, options.Only.Contains(Scenario.Soak), () => new SoakBench(options, ours, places, stop.Token).RunAsync()),
        ];
        List<(string Name, string Table)> tables = [];
        try
        {
            if (!options.IsWithoutRounds)
            {
                run.Run();
            }

            foreach (var (name, _, runAsync) in others.Where(other => other.IsWanted))
            {
                tables.Add((name, runAsync().GetAwaiter().GetResult()));
            }
        }
        catch (OperationCanceledException)
        {
            return 130;
        }
        catch (InvalidOperationException exception)
        {
            Console.Error.WriteLine($"bench: {exception.Message}");
            return 1;
        }

        tables.ForEach(table => Tell(options, places, table.Name, table.Table));
        if (options.IsWithoutRounds)
        {
            return 0;
        }

        AddFileSizes(run.Figures, contestants, places);
        var report = MarkdownReport.Of(run.Figures, contestants, Machine.Describe(options, contestants, places, run.OthersShare));
        Console.WriteLine(report);
        Directory.CreateDirectory(places.Artifacts);
        File.WriteAllText(Path.Combine(places.Artifacts, "figures.tsv"), run.Figures.ToTsv());
        if (options.Writes)
        {
            MarkedSection.Write(places.Document, "bench", report);
            File.WriteAllText(places.Plot, SvgPlot.Of(run.Figures, contestants));
        }

        return 0;
    }

    /// <summary>A table of its own, which is written even when it alone was asked for: it leaves no hole in another.</summary>
    private static void Tell(BenchOptions options, Places places, string name, string table)
    {
        Console.WriteLine(table);
        if (!options.Quick || options.Write)
        {
            MarkedSection.Write(places.Document, name, table);
        }
    }

    /// <summary>True for the requested contestants, and always for the direct connection, the baseline for added latency.</summary>
    private static bool IsWanted(Contestant contestant, BenchOptions options) =>
        contestant.IsDirect || options.Contestants.Count == 0 || options.Contestants.Contains(contestant.Name);

    private static bool IsHere(Contestant contestant, Places places)
    {
        if (contestant.IsDirect || contestant.FindProgram(places.Fill) is not null)
        {
            return true;
        }

        Console.Error.WriteLine($"bench: {contestant.Name} is left out: there is no {places.Fill(contestant.Command[0])} on this machine.");
        return false;
    }

    private static void AddFileSizes(Figures figures, IEnumerable<Contestant> contestants, Places places)
    {
        foreach (var contestant in contestants.Where(contestant => !contestant.IsDirect))
        {
            figures.Add(Scenario.Start, contestant.Name, 1, "file_mib", new FileInfo(contestant.FindProgram(places.Fill)!).Length / 1024.0 / 1024.0);
        }
    }
}
