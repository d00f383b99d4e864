using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>One step of a series: its sums, and the counts of each group when the series is split.</summary>
internal sealed class StatStepSums
{
    /// <summary>Counts by group; a tuple because a key may be null.</summary>
    private readonly Dictionary<ValueTuple<string?>, StatCounts> _parts = [];

    public StatSums Sums { get; } = new();

    public StatCounts PartOf(string? key)
    {
        if (!_parts.TryGetValue(new(key), out var counts))
        {
            _parts[new(key)] = counts = new StatCounts();
        }

        return counts;
    }

    public StatStep ToStep(DateTimeOffset start, IEnumerable<string?> keys) =>
        new(start, Sums.ToLine(), [.. keys.Where(key => _parts.ContainsKey(new(key))).Select(key => _parts[new(key)].ToPart(key))]);
}
