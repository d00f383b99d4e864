using System.Text.Json;

namespace OllamaProxy.Bench.Run;

/// <summary>
/// A proxy between client and upstream, as described by a row of <c>bench/contestants.json</c>. <c>{port}</c>, <c>{upstream}</c>, <c>{dir}</c>
/// (its own folder), <c>{proxy}</c> (our published file) and <c>{bench}</c> (the build output of the bench) are replaced.
/// </summary>
internal sealed record Contestant
{
    /// <summary>No proxy; the baseline for added latency.</summary>
    public static Contestant Direct { get; } = new() { Name = "direct", Title = "direct", Command = [] };

    public required string Name { get; init; }

    /// <summary>The heading of its column.</summary>
    public required string Title { get; init; }

    public required IReadOnlyList<string> Command { get; init; }

    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>A file of <c>bench/contestants</c> whose placeholders are replaced; it is written into the folder without ".template".</summary>
    public string? Template { get; init; }

    /// <summary>The path that answers 200 once it has started.</summary>
    public string Ready { get; init; } = "/api/version";

    /// <summary>True if <c>/metrics</c> has the counts of written and dropped records.</summary>
    public bool Metrics { get; init; }

    /// <summary>A command that prints its version.</summary>
    public IReadOnlyList<string>? Version { get; init; }

    public bool IsDirect => Command.Count == 0;

    public static IReadOnlyList<Contestant> Load(string file) =>
        [Direct, .. JsonSerializer.Deserialize<List<Contestant>>(File.ReadAllText(file), JsonSerializerOptions.Web) ?? []];

    /// <summary>The path of its program, or null if it is not on this machine.</summary>
    public string? FindProgram(Func<string, string> fill)
    {
        var program = fill(Command[0]);
        if (program.Contains('/', StringComparison.Ordinal))
        {
            return File.Exists(program) ? program : null;
        }

        // Servers are installed in sbin, which is not always on PATH.
        var folders = (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Append("/usr/local/sbin");
        return folders.Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);
    }
}
