using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using OllamaProxy.Bench.Run;

namespace OllamaProxy.Bench.Report;

/// <summary>Describes the date, the machine and the versions of a run.</summary>
internal static class Machine
{
    public static string Describe(BenchOptions options, IEnumerable<Contestant> contestants, Places places, double othersShare)
    {
        var versions = contestants.Where(contestant => contestant.Version is not null).Select(contestant => VersionOf(contestant, places));
        var rounds = options.Rounds == 1 ? "1 round" : $"{options.Rounds} rounds";
        var ours = Run([places.Proxy, "--version"]);
        return string.Create(CultureInfo.InvariantCulture, $"""
            {Place()}
            {ours}; .NET {Environment.Version}; {string.Join("; ", versions)}. Command: `./build.sh bench{Arguments(options)}`, {rounds}.
            Other programs took {othersShare:P0} of the processor time while it ran.
            """);
    }

    /// <summary>The date and the machine.</summary>
    public static string Place()
    {
        var processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim()
            ?? RuntimeInformation.ProcessArchitecture.ToString();
        var memory = long.Parse(File.ReadLines("/proc/meminfo").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
            CultureInfo.InvariantCulture) / 1024 / 1024;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{TimeProvider.System.GetUtcNow():d MMMM yyyy}: {processor}, {Environment.ProcessorCount} cores (shared by client, proxy and upstream), "
            + $"{memory} GiB, Linux {File.ReadAllText("/proc/sys/kernel/osrelease").Trim()}.");
    }

    private static string Arguments(BenchOptions options) =>
        options.Quick ? " --quick" :
        options.Rounds != new BenchOptions().Rounds ? string.Create(CultureInfo.InvariantCulture, $" --rounds {options.Rounds} --write") :
        "";

    private static string VersionOf(Contestant contestant, Places places)
    {
        var program = contestant.FindProgram(places.Fill) ?? contestant.Command[0];
        var text = Run([program, .. contestant.Version!.Skip(1)]).Replace("nginx version: nginx/", "", StringComparison.Ordinal);
        return $"{contestant.Title} {text.Split(' ')[0]}";
    }

    /// <summary>The first line that a command prints, on standard output or standard error.</summary>
    private static string Run(string[] command)
    {
        var start = new ProcessStartInfo(command[0], command[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEnd(), process.StandardError.ReadToEnd());
        process.WaitForExit();
        return (output + error).Trim().Split('\n')[0];
    }
}
