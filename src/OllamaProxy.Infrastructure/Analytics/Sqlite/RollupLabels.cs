using System.Text;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Finds where the sums of a rollup belong. There may be as many combinations of labels as requests, but each label has few values: every value becomes a text, and
/// is compared with the filter, once.
/// </summary>
internal sealed class RollupLabels(StatsQuery query, StatsBuilder builder)
{
    /// <summary>The labels in the order of <see cref="StatLabels.ToBytes"/>.</summary>
    private const int Model = 0, Endpoint = 1, Category = 2, Client = 3, Application = 4, Outcome = 5, Status = 6, Count = 7;

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
    private readonly Value[] _found = new Value[Count];

    /// <summary>The sums that it belongs to, but for the step of the series.</summary>
    public StatSums[] Sums { get; } = new StatSums[3];

    /// <summary>The group of the split that it belongs to; null without one.</summary>
    public string? Part => _found[(int)builder.Split!.Value].Text;

    /// <summary>Looks at the labels of a rollup; false when the filter leaves it out.</summary>
    public bool Read(ReadOnlySpan<byte> labels)
    {
        var isInference = StatLabels.TakeIsInference(ref labels);
        if (query.Filter.IsInference is { } asked && asked != isInference)
        {
            return false;
        }

        for (var index = 0; index < Count; index++)
        {
            var value = StatLabels.TryTake(ref labels, out var utf8) ? _labels[index].Of(utf8) : _labels[index].None;
            if (!value.Matches)
            {
                return false;
            }

            _found[index] = value;
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

        public Value None { get; } = new(null, wanted is null, sumsOf);

        public Value Of(ReadOnlySpan<byte> utf8)
        {
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
