using System.Runtime.InteropServices;
using OllamaProxy.Bench.Report;
using OllamaProxy.Bench.Stores;

namespace OllamaProxy.Bench.Run;

/// <summary><c>run PROXY [option...]</c>: measures, prints the table, and writes it where a full run belongs.</summary>
internal static class RunCommand
{
    public static int Execute(string proxy, ReadOnlySpan<string> arguments)
    {
        var places = new Places(Directory.GetCurrentDirectory(), Path.GetFullPath(proxy));
        var all = Contestant.Load(places.Contestants);
        if (BenchOptions.Parse(arguments) is not { } options || options.Unknown(all).Any())
        {
            Console.Error.WriteLine(BenchOptions.Usage);
            Console.Error.WriteLine($"scenarios: {string.Join(' ', Scenario.All.Select(scenario => scenario.Name).Append(Scenario.Start).Append(Scenario.Stores))}");
            Console.Error.WriteLine($"contestants: {string.Join(' ', all.Select(contestant => contestant.Name))}");
            return 2;
        }

        var contestants = all.Where(contestant => IsWanted(contestant, options) && IsHere(contestant, places)).ToList();
        using var stop = new CancellationTokenSource();
        // Contestants are ended in any case.
        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            _ = stop.CancelAsync();
        }

        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        var run = new BenchRun(options, contestants, places, stop.Token);
        string? stores = null;
        try
        {
            if (!options.IsStoresAlone)
            {
                run.Run();
            }

            if (options.WantsStores)
            {
                stores = new StoreBench(options, all.Single(contestant => contestant.Name == "ours"), places, stop.Token).RunAsync().GetAwaiter().GetResult();
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

        if (stores is not null)
        {
            Console.WriteLine(stores);
            if (options.Writes || options.IsStoresAlone && !options.Quick)
            {
                MarkedSection.Write(places.Document, "stores", stores);
            }
        }

        if (options.IsStoresAlone)
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

    /// <summary>What is "added" is counted from the direct way, which is always there.</summary>
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
