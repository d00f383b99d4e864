using System.Text.Json;

namespace OllamaProxy.Bench.Run;

/// <summary>
/// Something that stands between client and upstream, as a row of <c>bench/contestants.json</c> describes it. <c>{port}</c>, <c>{upstream}</c>, <c>{dir}</c>
/// (a folder of its own), <c>{proxy}</c> (our published file) and <c>{bench}</c> (what the bench has built) are filled in.
/// </summary>
internal sealed record Contestant
{
    /// <summary>No proxy at all: what "added" is counted from.</summary>
    public static Contestant Direct { get; } = new() { Name = "direct", Title = "direct", Command = [] };

    public required string Name { get; init; }

    /// <summary>Its column's head.</summary>
    public required string Title { get; init; }

    public required IReadOnlyList<string> Command { get; init; }

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>A file of <c>bench/contestants</c> that is filled in and put into its folder, without ".template".</summary>
    public string? Template { get; init; }

    /// <summary>The path that answers 200 when it has started.</summary>
    public string Ready { get; init; } = "/api/version";

    /// <summary>Whether <c>/metrics</c> tells how many records were written and dropped.</summary>
    public bool Metrics { get; init; }

    /// <summary>A command that prints its version.</summary>
    public IReadOnlyList<string>? Version { get; init; }

    public bool IsDirect => Command.Count == 0;

    public static IReadOnlyList<Contestant> Load(string file) =>
        [Direct, .. JsonSerializer.Deserialize<List<Contestant>>(File.ReadAllText(file), JsonSerializerOptions.Web) ?? []];

    /// <summary>Where its program is, or null when it is not on this machine.</summary>
    public string? FindProgram(Func<string, string> fill)
    {
        var program = fill(Command[0]);
        if (program.Contains('/', StringComparison.Ordinal))
        {
            return File.Exists(program) ? program : null;
        }

        // Servers live in sbin, which is not on everybody's path.
        var folders = (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/usr/local/sbin");
        return folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }
}
