using System.Globalization;
using System.Text;
using OllamaProxy.Bench.Run;

namespace OllamaProxy.Bench.Report;

/// <summary>Writes the figures of a run as a Markdown table.</summary>
internal static class MarkdownReport
{
    public static string Of(Figures figures, IReadOnlyList<Contestant> contestants, string machine)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{machine}\n\n| |");
        foreach (var contestant in contestants)
        {
            text.Append(CultureInfo.InvariantCulture, $" {contestant.Title} |");
        }

        text.Append("\n|---|").Append(string.Concat(Enumerable.Repeat("---:|", contestants.Count))).Append('\n');
        foreach (var row in Row.All)
        {
            var cells = contestants.Select(contestant => row.Of(figures, contestant)).ToList();
            if (cells.Any(cell => cell is not null))
            {
                text.Append(CultureInfo.InvariantCulture, $"| {row.Title} | {string.Join(" | ", cells.Select(Row.Text))} |\n");
            }
        }

        return text.Append(Claims(figures)).ToString();
    }

    /// <summary>The claims of the original program beside the figures measured here.</summary>
    private static string Claims(Figures figures)
    {
        string Ours(string scenario, string figure) => Row.Text(figures.Median(scenario, "ours", figure));
        var many = $"{Ours("slow-500", "peak_mib")} MiB with 500, {Ours("slow-2000", "peak_mib")} MiB with 2,000";
        var cpu = $"{Ours("single", "cpu_percent")} % of one core for a stream of 50 tokens/s; {Ours("paced-8", "cpu_percent")} %";
        return figures.Of(Scenario.Start, "ours", "idle_mib").Count == 0 ? "" :
            $"""

             | Claimed by the original program | Measured here, everything on |
             |---|---|
             | "10 to 20 MB" of memory | {Ours(Scenario.Start, "idle_mib")} MiB at rest; at most {Ours("paced-8", "peak_mib")} MiB with 8 streams, {many} |
             | "+1 to 2 %" of CPU | {cpu} for 8 streams of 100 tokens/s |

             """;
    }
}
