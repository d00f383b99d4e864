using System.Globalization;

namespace OllamaProxy.Bench.Run;

/// <summary>The command line of <c>run</c>.</summary>
internal sealed record BenchOptions
{
    public const string Usage =
        "usage: ./build.sh bench [--quick] [--write] [--rounds N] [--only SCENARIO,...] [--contestants NAME,...] [--minutes N] [--records N]";

    /// <summary>One round, shorter measurements; writes nothing.</summary>
    public bool Quick { get; init; }

    /// <summary>Writes the table and the plot into the documents even after a quick run.</summary>
    public bool Write { get; init; }

    public int Rounds { get; init; } = 5;

    /// <summary>How long the soak takes, or PostgreSQL is stopped; null for the usual time of each.</summary>
    public int? Minutes { get; init; }

    /// <summary>Records of the PostgreSQL scenario.</summary>
    public int Records { get; init; } = 20_000_000;

    public IReadOnlyList<string> Only { get; init; } = [];

    public IReadOnlyList<string> Contestants { get; init; } = [];

    /// <summary>False for a partial run, which would leave gaps in the table.</summary>
    public bool Writes => Write || (!Quick && Only.Count == 0 && Contestants.Count == 0);

    /// <summary>True when no measurement beside the others was asked for.</summary>
    public bool IsWithoutRounds => Only.Count > 0 && Only.All(name => name is Scenario.Stores or Scenario.Postgres or Scenario.Scrape or Scenario.Soak);

    /// <summary>True in a full run, and when the measurement was requested by name.</summary>
    public bool Wants(string name) => Only.Count == 0 ? !Quick && Contestants.Count == 0 : Only.Contains(name);

    public static BenchOptions? Parse(ReadOnlySpan<string> arguments)
    {
        var options = new BenchOptions();
        int? rounds = null;
        int? minutes = null;
        int? records = null;
        for (var index = 0; index < arguments.Length; index++)
        {
            var value = index + 1 < arguments.Length ? arguments[index + 1] : "";
            switch (arguments[index])
            {
                case "--quick":
                    options = options with { Quick = true };
                    continue;
                case "--write":
                    options = options with { Write = true };
                    continue;
                case "--rounds" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0:
                    rounds = number;
                    break;
                case "--minutes" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0:
                    minutes = number;
                    break;
                case "--records" when int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0:
                    records = number;
                    break;
                case "--only" when value.Length > 0:
                    options = options with { Only = value.Split(',') };
                    break;
                case "--contestants" when value.Length > 0:
                    options = options with { Contestants = value.Split(',') };
                    break;
                default:
                    return null;
            }

            index++;
        }

        return options with
        {
            Rounds = rounds ?? (options.Quick ? 1 : options.Rounds),
            Minutes = minutes ?? (options.Quick ? 1 : null),
            Records = records ?? (options.Quick ? 200_000 : options.Records),
        };
    }

    /// <summary>Requested names that do not exist.</summary>
    public IEnumerable<string> Unknown(IEnumerable<Contestant> contestants) =>
        Only.Except(Scenario.All.Select(scenario => scenario.Name).Concat(Scenario.Others))
            .Concat(Contestants.Except(contestants.Select(contestant => contestant.Name)));
}
