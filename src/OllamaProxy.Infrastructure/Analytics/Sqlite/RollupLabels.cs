using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Finds where sums belong. There may be as many combinations of labels as requests, but each label has few values: every value becomes a text, and is compared with
/// the filter, once.
/// </summary>
internal sealed class RollupLabels(StatsQuery query, StatsBuilder builder)
{
    /// <summary>The labels in the order of <see cref="StatLabels.ToBytes"/>.</summary>
    private const int Model = 0, Endpoint = 1, Category = 2, Client = 3, Application = 4, Outcome = 5;

    private readonly Label[] _labels =
    [
        new(ModelName.Normalize(query.Filter.Model), null),
        new(query.Filter.Endpoint, null),
        new(query.Filter.Category, null),
        new(query.Filter.Client, value => builder.SumsOf(StatLabel.Client, value)),
        new(query.Filter.Application, value => builder.SumsOf(StatLabel.Application, value)),
        new(query.Filter.Outcome, null),
        new(query.Filter.Status, null),
    ];

    private readonly Dictionary<(Value, Value, Value, Value), StatSums> _combined = [];
    private readonly Value[] _found = new Value[StatLabels.Texts];
    private readonly int[] _numbers = new int[StatLabels.Texts];

    /// <summary>The sums that it belongs to, but for the step of the series.</summary>
    public StatSums[] Sums { get; } = new StatSums[3];

    /// <summary>The group of the split that it belongs to; null without one.</summary>
    public string? Part => _found[(int)builder.Split!.Value].Text;

    /// <summary>Looks at the labels of a single cell; false when the filter leaves it out.</summary>
    public bool Read(ReadOnlySpan<byte> labels)
    {
        var isInference = StatLabels.TakeIsInference(ref labels);
        for (var label = 0; label < _labels.Length; label++)
        {
            if (!Matches(label, _labels[label].Take(StatLabels.TryTake(ref labels, out var utf8), utf8)))
            {
                return false;
            }
        }

        return Matches(isInference);
    }

    /// <summary>Reads the values at the front of a pack; false when the filter leaves out all of it.</summary>
    public bool Open(ref HourPackReader pack)
    {
        var mayMatch = true;
        foreach (var label in _labels)
        {
            label.Packed.Clear();
            for (var left = pack.TakeCount(); left > 0; left--)
            {
                label.Packed.Add(label.Take(pack.TryTakeValue(out var utf8), utf8));
            }

            mayMatch &= label.Packed.Exists(value => value.Matches);
        }

        return mayMatch;
    }

    /// <summary>Takes the next cell that the filter does not leave out off a pack that was opened; false at the end.</summary>
    public bool Next(ref HourPackReader pack, out ReadOnlySpan<byte> sums)
    {
        while (pack.TryTakeCell(_numbers, out var isInference, out sums))
        {
            if (Matches(_numbers) && Matches(isInference))
            {
                return true;
            }
        }

        return false;
    }

    private bool Matches(ReadOnlySpan<int> numbers)
    {
        for (var label = 0; label < _labels.Length; label++)
        {
            var packed = _labels[label].Packed;
            if ((uint)numbers[label] >= (uint)packed.Count)
            {
                throw new FormatException("A pack has no such value.");
            }

            if (!Matches(label, packed[numbers[label]]))
            {
                return false;
            }
        }

        return true;
    }

    private bool Matches(int label, Value value)
    {
        _found[label] = value;
        return value.Matches;
    }

    /// <summary>The last question about a cell: with it, its sums are known.</summary>
    private bool Matches(bool isInference)
    {
        if (query.Filter.IsInference is { } asked && asked != isInference)
        {
            return false;
        }

        var key = (_found[Model], _found[Endpoint], _found[Category], _found[Outcome]);
        if (!_combined.TryGetValue(key, out var combined))
        {
            _combined[key] = combined = builder.CombinedOf(key.Item1.Text, key.Item2.Text!, key.Item3.Text!, key.Item4.Text!);
        }

        (Sums[0], Sums[1], Sums[2]) = (combined, _found[Client].Sums!, _found[Application].Sums!);
        return true;
    }

    /// <summary>A value of a label: one object, whose identity stands for it.</summary>
    private sealed class Value(string? text, bool matches, Func<string?, StatSums>? sumsOf)
    {
        public string? Text => text;

        public bool Matches => matches;

        /// <summary>Of the groups that are added to directly. Made when there is something to add: a group without records must not appear.</summary>
        public StatSums? Sums => field ??= sumsOf?.Invoke(text);
    }

    /// <summary>The values of a label that have been seen.</summary>
    private sealed class Label(string? wanted, Func<string?, StatSums>? sumsOf)
    {
        private readonly Dictionary<byte[], Value> _values = new(BytesComparer.Instance);
        private readonly Value _none = new(null, wanted is null, sumsOf);

        /// <summary>Those of the pack that is open, by their numbers.</summary>
        public List<Value> Packed { get; } = [];

        public Value Take(bool has, ReadOnlySpan<byte> utf8)
        {
            if (!has)
            {
                return _none;
            }

            var values = _values.GetAlternateLookup<ReadOnlySpan<byte>>();
            if (!values.TryGetValue(utf8, out var value))
            {
                var text = Encoding.UTF8.GetString(utf8);
                _values[utf8.ToArray()] = value = new Value(text, wanted is null || wanted == text, sumsOf);
            }

            return value;
        }
    }
}
