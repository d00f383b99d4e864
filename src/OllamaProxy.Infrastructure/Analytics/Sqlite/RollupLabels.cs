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

    /// <summary>Those of the pack that is open are the first <see cref="_combinations"/>; the others are used again.</summary>
    private readonly List<Combination> _pool = [];

    private int _combinations;

    /// <summary>Whether each of them matches: asked for a million times.</summary>
    private bool[] _matches = [];

    /// <summary>The labels of a single cell.</summary>
    private readonly Combination _single = new();

    private Combination _found = new();

    private Value? _client;

    /// <summary>The sums of the labels that have few values, taken together, that the cell belongs to; null when not needed.</summary>
    public StatSums? Combined
    {
        get
        {
            var key = (_found.Values[Model], _found.Values[Endpoint], _found.Values[Category], _found.Values[Outcome]);
            if (!_combined.TryGetValue(key, out var combined))
            {
                _combined[key] = combined = builder.CombinedOf(key.Item1.Text, key.Item2.Text!, key.Item3.Text!, key.Item4.Text!);
            }

            return combined;
        }
    }

    /// <summary>The sums of the application that the cell belongs to; null when not needed.</summary>
    public StatSums? OfApplication => _found.Values[Application].Sums;

    /// <summary>The sums of the client that the cell belongs to; null when not needed.</summary>
    public StatSums? OfClient => _client!.Sums;

    /// <summary>The part of a step that the cell belongs to, by the group of the split, which must be set.</summary>
    public StatCounts PartOf(DateTimeOffset start)
    {
        var split = (int)builder.Split!.Value;
        var value = split == Client ? _client! : _found.Values[split];
        if (value.Part.Counts is null || value.Part.Start != start)
        {
            value.Part = (start, builder.PartOf(start, value.Text));
        }

        return value.Part.Counts;
    }

    /// <summary>Looks at the labels of a single cell; false when the filter leaves it out.</summary>
    public bool Read(ReadOnlySpan<byte> labels)
    {
        _found = _single;
        _found.Matches = Matches(StatLabels.TakeIsInference(ref labels));
        for (var label = 0; label < _labels.Length; label++)
        {
            _found.Add(label, _labels[label].Take(StatLabels.TryTake(ref labels, out var utf8), utf8));
        }

        _client = _found.Values[Client];
        return _found.Matches;
    }

    /// <summary>Reads the keys of a pack; false when the filter leaves out all of it, whoever the client.</summary>
    public bool Open(ReadOnlySpan<byte> keys)
    {
        foreach (var label in _labels.Where((_, label) => label != Client))
        {
            label.Packed.Clear();
            for (var left = CompactNumbers.Take(ref keys); left > 0; left--)
            {
                label.Packed.Add(label.Take(StatLabels.TryTake(ref keys, out var utf8), utf8));
            }
        }

        var mayMatch = false;
        for (_combinations = 0; !keys.IsEmpty; _combinations++)
        {
            if (_combinations == SqliteHourPacks.PlacesOfPack)
            {
                throw HourPack.Refused();
            }

            if (_combinations == _pool.Count)
            {
                _pool.Add(new Combination());
                Array.Resize(ref _matches, _pool.Capacity);
            }

            var combination = _pool[_combinations];
            combination.Matches = Matches(StatLabels.TakeIsInference(ref keys));
            for (var label = 0; label < _labels.Length; label++)
            {
                if (label != Client)
                {
                    var (packed, number) = (_labels[label].Packed, CompactNumbers.Take(ref keys));
                    combination.Add(label, number < packed.Count ? packed[(int)number] : throw HourPack.Refused());
                }
            }

            _matches[_combinations] = combination.Matches;
            mayMatch |= combination.Matches;
        }

        return mayMatch;
    }

    /// <summary>Takes the sums of the next combination that the filter does not leave out off those of a pack; false at the end.</summary>
    /// <param name="next">The number of the combination that comes next, at first 0.</param>
    /// <param name="sums">What is left of the sums.</param>
    /// <param name="cell">What <see cref="StatCell"/> reads.</param>
    public bool NextCombination(ref int next, scoped ref ReadOnlySpan<byte> sums, out ReadOnlySpan<byte> cell)
    {
        while (next < _combinations)
        {
            cell = HourPack.TakePart(ref sums);
            _found = _pool[next++];
            if (_found.Matches)
            {
                return true;
            }
        }

        cell = default;
        return sums.IsEmpty ? false : throw HourPack.Refused();
    }

    /// <summary>Goes on to the next client of a pack that the filter does not leave out; false at the end.</summary>
    /// <param name="clients">The pack's clients.</param>
    /// <param name="counts">Its combinations and how many requests they have, for <see cref="Count"/>.</param>
    public bool NextClient(scoped ref HourPackClients clients, out ReadOnlySpan<byte> counts)
    {
        while (clients.TryTake(out var has, out var utf8, out counts))
        {
            _client = _labels[Client].Take(has, utf8);
            if (_client.Matches)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Counts the requests of a client that the filter does not leave out.</summary>
    /// <param name="counts">What <see cref="NextClient"/> gave.</param>
    public long Count(ReadOnlySpan<byte> counts)
    {
        var matches = _matches.AsSpan(0, _combinations);
        var count = 0L;
        while (!counts.IsEmpty)
        {
            var number = CompactNumbers.Take(ref counts);
            var requests = CompactNumbers.Take(ref counts);
            if (number >= matches.Length)
            {
                throw HourPack.Refused();
            }

            count += matches[(int)number] ? requests : 0;
        }

        return count;
    }

    /// <summary>Takes the next combination of a client that the filter does not leave out; false at the end.</summary>
    /// <param name="sums">What is left of the client's sums.</param>
    /// <param name="cell">What <see cref="StatCell"/> reads.</param>
    public bool NextCell(scoped ref ReadOnlySpan<byte> sums, out ReadOnlySpan<byte> cell)
    {
        while (!sums.IsEmpty)
        {
            var number = CompactNumbers.Take(ref sums);
            _found = number < _combinations ? _pool[(int)number] : throw HourPack.Refused();
            cell = HourPack.TakePart(ref sums);
            if (_found.Matches)
            {
                return true;
            }
        }

        cell = default;
        return false;
    }

    /// <summary>Keeps where the sums of the client that was found are, and of how many requests, for when it is told of.</summary>
    public void Remember(long place, long requests) => _client!.Places.Add((place, requests));

    /// <summary>The clients of which something was remembered, and where it is.</summary>
    public IEnumerable<(StatSums Client, List<(long Place, long Requests)> Places)> Remembered() => _labels[Client].Values.Where(value => value.Places.Count > 0).Select(value => (value.Sums!, value.Places));

    private bool Matches(bool isInference) => query.Filter.IsInference is not { } asked || asked == isInference;

    /// <summary>Labels that occur together, but for the client when they are of a pack.</summary>
    private sealed class Combination
    {
        public Value[] Values { get; } = new Value[StatLabels.Texts];

        /// <summary>Whether the filter does not leave it out.</summary>
        public bool Matches { get; set; }

        public void Add(int label, Value value)
        {
            Values[label] = value;
            Matches &= value.Matches;
        }
    }

    /// <summary>A value of a label: one object, whose identity stands for it.</summary>
    private sealed class Value(string? text, bool matches, Func<string?, StatSums>? sumsOf)
    {
        private StatSums? _sums;

        public string? Text => text;

        public bool Matches => matches;

        /// <summary>Of the groups that are added to directly; null for others. Made when there is something to add: a group without records must not appear.</summary>
        public StatSums? Sums => _sums ??= sumsOf?.Invoke(text);

        /// <summary>Where the sums of a client are that was counted only.</summary>
        public List<(long Place, long Requests)> Places { get; } = [];

        /// <summary>What was found last of the steps' parts.</summary>
        public (DateTimeOffset Start, StatCounts? Counts) Part { get; set; }
    }

    /// <summary>The values of a label that have been seen.</summary>
    private sealed class Label(string? wanted, Func<string?, StatSums>? sumsOf)
    {
        private readonly Dictionary<byte[], Value> _values = new(BytesComparer.Instance);
        private readonly Value _none = new(null, wanted is null, sumsOf);

        public IEnumerable<Value> Values => _values.Values.Append(_none);

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
