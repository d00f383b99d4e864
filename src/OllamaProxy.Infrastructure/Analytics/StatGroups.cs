using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Sums by the value of one label, which may be unknown.</summary>
internal sealed class StatGroups
{
    private readonly Dictionary<string, StatSums> _named = new(StringComparer.Ordinal);
    private StatSums? _nameless;

    /// <summary>How many different values there are.</summary>
    public int Named => _named.Count;

    public StatSums this[string? key]
    {
        get
        {
            if (key is null)
            {
                return _nameless ??= new StatSums();
            }

            if (!_named.TryGetValue(key, out var sums))
            {
                _named[key] = sums = new StatSums();
            }

            return sums;
        }
    }

    /// <summary>The groups with the most requests; equals by name, the one without a name last.</summary>
    public IEnumerable<(string? Key, StatSums Sums)> Top(int count)
    {
        var all = _named.Select(group => (Key: (string?)group.Key, Sums: group.Value)).Concat(_nameless is null ? [] : [(null, _nameless)]);
        return all.OrderByDescending(group => group.Sums[StatNumber.Requests]).ThenBy(group => group.Key is null)
            .ThenBy(group => group.Key, StringComparer.Ordinal).Take(count);
    }
}
