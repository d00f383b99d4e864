using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The values of <see cref="StatLabel.All"/> of a record, in that order. Equal when all values are.</summary>
internal sealed class StatLabels : IEquatable<StatLabels>
{
    private readonly int _hash;

    public StatLabels(string?[] values)
    {
        Values = values;
        var hash = new HashCode();
        foreach (var value in values)
        {
            hash.Add(value);
        }

        _hash = hash.ToHashCode();
    }

    public string?[] Values { get; }

    /// <summary>"1" when a model ran, "0" when not.</summary>
    public string? IsInference => Values[StatLabel.IsInference];

    public static StatLabels Of(RequestRecord record)
    {
        // Without LINQ: this runs for each record.
        var values = new string?[StatLabel.All.Count];
        for (var label = 0; label < values.Length; label++)
        {
            values[label] = StatLabel.All[label].Of(record);
        }

        return new StatLabels(values);
    }

    public bool Equals(StatLabels? other) => other is not null && other._hash == _hash && Values.AsSpan().SequenceEqual(other.Values);

    public override bool Equals(object? obj) => Equals(obj as StatLabels);

    public override int GetHashCode() => _hash;
}
