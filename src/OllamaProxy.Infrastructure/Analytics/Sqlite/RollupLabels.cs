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

    /// <summary>Of the client of a pack that was found last.</summary>
    private long _requests, _inferences;

    /// <summary>Whether the filter leaves nothing out of the pack that is open, but for clients and what is no inference.</summary>
    private bool _takesAll;

    /// <summary>The sums of the labels that have few values, taken together, that the cell belongs to.</summary>
    public StatSums Combined
    {
        get
        {
            var key = (_found[Model], _found[Endpoint], _found[Category], _found[Outcome]);
            if (!_combined.TryGetValue(key, out var combined))
            {
                _combined[key] = combined = builder.CombinedOf(key.Item1.Text, key.Item2.Text!, key.Item3.Text!, key.Item4.Text!);
            }

            return combined;
        }
    }

    /// <summary>The sums of the application that the cell belongs to.</summary>
    public StatSums OfApplication => _found[Application].Sums!;

    /// <summary>The sums of the client that the cell belongs to.</summary>
    public StatSums OfClient => _found[Client].Sums!;

    /// <summary>The same; null as long as nothing was added to them.</summary>
    public StatSums? OfKnownClient => _found[Client].KnownSums;

    /// <summary>The part of a step that the cell belongs to, by the group of the split, which must be set.</summary>
    public StatCounts PartOf(DateTimeOffset start) => builder.PartOf(start, _found[(int)builder.Split!.Value].Text);

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
        _takesAll = true;
        foreach (var label in _labels)
        {
            label.Packed.Clear();
            for (var left = pack.TakeCount(); left > 0; left--)
            {
                label.Packed.Add(label.Take(pack.TryTakeValue(out var utf8), utf8));
            }

            mayMatch &= label.Packed.Exists(value => value.Matches);
            _takesAll &= label == _labels[Client] || label.Packed.TrueForAll(value => value.Matches);
        }

        return mayMatch;
    }

    /// <summary>Goes on to the next client that the filter does not leave out; false at the end.</summary>
    public bool NextClient(ref HourPackReader pack)
    {
        while (pack.TryTakeClient(out var number, out _requests, out _inferences))
        {
            if (Matches(Client, ValueOf(Client, number)))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes the next cell of the client that the filter does not leave out; false at the end.</summary>
    public bool NextCell(ref HourPackReader pack, out ReadOnlySpan<byte> sums) => NextCell(ref pack, out _, out sums);

    /// <summary>Counts the requests of the client that the filter does not leave out.</summary>
    public long Count(ref HourPackReader pack)
    {
        if (_takesAll)
        {
            return query.Filter.IsInference switch { null => _requests, true => _inferences, false => _requests - _inferences };
        }

        var count = 0L;
        while (NextCell(ref pack, out var requests, out _))
        {
            count += requests;
        }

        return count;
    }

    private bool NextCell(ref HourPackReader pack, out long requests, out ReadOnlySpan<byte> sums)
    {
        while (pack.TryTakeCell(_numbers, out var isInference, out requests, out sums))
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
            if (label != Client && !Matches(label, ValueOf(label, numbers[label])))
            {
                return false;
            }
        }

        return true;
    }

    private Value ValueOf(int label, int number) =>
        (uint)number < (uint)_labels[label].Packed.Count ? _labels[label].Packed[number] : throw new FormatException("A pack has no such value.");

    private bool Matches(int label, Value value)
    {
        _found[label] = value;
        return value.Matches;
    }

    private bool Matches(bool isInference) => query.Filter.IsInference is not { } asked || asked == isInference;

    /// <summary>A value of a label: one object, whose identity stands for it.</summary>
    private sealed class Value(string? text, bool matches, Func<string?, StatSums>? sumsOf)
    {
        public string? Text => text;

        public bool Matches => matches;

        /// <summary>Of the groups that are added to directly. Made when there is something to add: a group without records must not appear.</summary>
        public StatSums? Sums => KnownSums ??= sumsOf?.Invoke(text);

        public StatSums? KnownSums { get; private set; }
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
