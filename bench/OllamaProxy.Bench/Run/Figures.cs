using System.Globalization;
using System.Text;

namespace OllamaProxy.Bench.Run;

/// <summary>All figures of a run, by scenario, contestant, name and round.</summary>
internal sealed class Figures
{
    private readonly Dictionary<(string Scenario, string Contestant, string Name), SortedDictionary<int, double>> _values = [];

    public void Add(string scenario, string contestant, int round, string name, double value)
    {
        if (!_values.TryGetValue((scenario, contestant, name), out var rounds))
        {
            _values.Add((scenario, contestant, name), rounds = []);
        }

        rounds[round] = value;
    }

    /// <summary>The values by round; empty if not measured.</summary>
    public IReadOnlyDictionary<int, double> Of(string scenario, string contestant, string name) =>
        _values.TryGetValue((scenario, contestant, name), out var rounds) ? rounds : new SortedDictionary<int, double>();

    public double? Median(string scenario, string contestant, string name) => Median(Of(scenario, contestant, name).Values);

    /// <summary>The lowest value of all rounds.</summary>
    public double? Lowest(string scenario, string contestant, string name) =>
        Of(scenario, contestant, name).Values is var values && values.Any() ? values.Min() : null;

    public double? Sum(string scenario, string contestant, string name) =>
        Of(scenario, contestant, name).Values is var values && values.Any() ? values.Sum() : null;

    /// <summary>The median of the differences to the direct connection in the same round.</summary>
    public double? MedianAdded(string scenario, string contestant, string name)
    {
        var direct = Of(scenario, Contestant.Direct.Name, name);
        return Median(Of(scenario, contestant, name).Where(pair => direct.ContainsKey(pair.Key)).Select(pair => pair.Value - direct[pair.Key]));
    }

    /// <summary>All values, one a line, for a closer look.</summary>
    public string ToTsv()
    {
        var text = new StringBuilder("scenario\tcontestant\tfigure\tround\tvalue\n");
        foreach (var ((scenario, contestant, name), rounds) in _values)
        {
            foreach (var (round, value) in rounds)
            {
                text.Append(CultureInfo.InvariantCulture, $"{scenario}\t{contestant}\t{name}\t{round}\t{value}\n");
            }
        }

        return text.ToString();
    }

    private static double? Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return sorted.Count == 0 ? null : (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }
}
