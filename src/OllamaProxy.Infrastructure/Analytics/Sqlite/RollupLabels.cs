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
        new(query.Filter.Client, builder.Needs(StatLabel.Client) ? value => builder.SumsOf(StatLabel.Client, value)! : null),
        new(query.Filter.Application, builder.Needs(StatLabel.Application) ? value => builder.SumsOf(StatLabel.Application, value)! : null),
        new(query.Filter.Outcome, null),
        new(query.Filter.Status, null),
    ];

    private readonly Dictionary<(Value, Value, Value, Value), StatSums?> _combined = [];
    private readonly Value[] _found = new Value[StatLabels.Texts];
    private readonly int[] _numbers = new int[StatLabels.Texts];

    /// <summary>Of the client of a pack that was found last.</summary>
    private long _requests, _inferences;

    /// <summary>The labels, but for the client, by which the filter leaves something out of the pack that is open.</summary>
    private readonly List<int> _choosing = [];

    /// <summary>The sums of the labels that have few values, taken together, that the cell belongs to; null when nobody needs them.</summary>
    public StatSums? Combined
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

    /// <summary>The sums of the application that the cell belongs to; null when nobody needs them.</summary>
    public StatSums? OfApplication => _found[Application].Sums;

    /// <summary>The sums of the client that the cell belongs to; null when nobody needs them.</summary>
    public StatSums? OfClient => _found[Client].Sums;

    /// <summary>The same; null as long as nothing was added to them.</summary>
    public StatSums? OfKnownClient => _found[Client].KnownSums;

    /// <summary>The part of a step that the cell belongs to, by the group of the split, which must be set.</summary>
    public StatCounts PartOf(DateTimeOffset start)
    {
        var value = _found[(int)builder.Split!.Value];
        if (value.Part.Counts is null || value.Part.Start != start)
        {
            value.Part = (start, builder.PartOf(start, value.Text));
        }

        return value.Part.Counts;
    }

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
        _choosing.Clear();
        for (var label = 0; label < _labels.Length; label++)
        {
            var packed = _labels[label].Packed;
            packed.Clear();
            for (var left = pack.TakeCount(); left > 0; left--)
            {
                packed.Add(_labels[label].Take(pack.TryTakeValue(out var utf8), utf8));
            }

            mayMatch &= packed.Exists(value => value.Matches);
            if (label != Client && !packed.TrueForAll(value => value.Matches))
            {
                _choosing.Add(label);
            }
        }

        return mayMatch;
    }

    /// <summary>Goes on to the next client that the filter does not leave out; false at the end.</summary>
    public bool NextClient(ref HourPackReader pack)
    {
        while (pack.TryTakeClient(out var number, out _requests, out _inferences))
        {
            _found[Client] = ValueOf(Client, number);
            if (_found[Client].Matches)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Takes the next cell of the client that the filter does not leave out; false at the end.</summary>
    public bool NextCell(ref HourPackReader pack, out ReadOnlySpan<byte> sums)
    {
        if (!NextCell(ref pack, out _, out sums))
        {
            return false;
        }

        for (var label = 0; label < _labels.Length; label++)
        {
            if (label != Client)
            {
                _found[label] = ValueOf(label, _numbers[label]);
            }
        }

        return true;
    }

    /// <summary>Counts the requests of the client that the filter does not leave out.</summary>
    public long Count(ref HourPackReader pack)
    {
        if (_choosing.Count == 0)
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
            if (IsChosen() && Matches(isInference))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether the filter takes the cell that was read, by its labels.</summary>
    private bool IsChosen()
    {
        foreach (var label in _choosing)
        {
            if (!ValueOf(label, _numbers[label]).Matches)
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

        /// <summary>Of the groups that are added to directly; null for others. Made when there is something to add: a group without records must not appear.</summary>
        public StatSums? Sums => KnownSums ??= sumsOf?.Invoke(text);

        public StatSums? KnownSums { get; private set; }

        /// <summary>What was found last of the steps' parts.</summary>
        public (DateTimeOffset Start, StatCounts? Counts) Part { get; set; }
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
