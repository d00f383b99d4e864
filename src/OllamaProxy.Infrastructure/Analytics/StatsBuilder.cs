using System.Runtime.InteropServices;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Builds statistics out of records, or out of sums of records, one after the other.</summary>
/// <param name="query">What is asked; its filter has been applied already.</param>
internal sealed class StatsBuilder(StatsQuery query)
{
    private readonly StatSums _total = new();
    private readonly Groups[] _groups = [.. Enum.GetValues<StatLabel>().Select(_ => new Groups())];

    private readonly bool[] _needs = [.. Enum.GetValues<StatLabel>().Select(label => query.Needs((StatDimension)label))];

    /// <summary>Whether any label that has few values is needed. Without one the steps of the series make the total, or it is added to directly.</summary>
    private readonly bool _isCombined = ((StatDimension[])[StatDimension.Model, StatDimension.Endpoint, StatDimension.Category, StatDimension.Outcome]).Any(query.Needs);

    /// <summary>By the labels that have few values, taken together. The total and the groups of each of them are added up from these in the end.</summary>
    private readonly Dictionary<(string? Model, string Endpoint, string Category, string Outcome), StatSums> _combined = [];
    private readonly SortedDictionary<DateTimeOffset, StatSums> _series = [];
    private readonly StatParts _parts = new();
    private IReadOnlyList<StatGroup>? _named;
    private (DateTimeOffset Start, StatSums? Sums) _step;

    /// <summary>What the steps of the series are split by; null for no split.</summary>
    public StatLabel? Split { get; } = query.SeriesStep is null ? null : (StatLabel?)query.SplitBy;

    public void Add(RequestRecord record) => Add(record.Timestamp, StatLabels.Of(record), StatNumbers.Of(record), record.ErrorType);

    public void Add(DateTimeOffset timestamp, StatLabels labels, in StatNumbers numbers, string? errorType)
    {
        foreach (var sums in SumsOf(labels))
        {
            sums?.Add(labels.Status, numbers);
        }

        SumsOf(StatLabel.ErrorType, errorType)?.Add(labels.Status, numbers);
        StepOf(timestamp)?.Add(labels.Status, numbers);
        if (Split is { } split)
        {
            PartOf(timestamp, split is StatLabel.ErrorType ? errorType : labels[split]).Add(labels.Status, numbers.InputTokens, numbers.OutputTokens);
        }
    }

    /// <summary>The sums that records with these labels belong to, but for the step of the series. Three, as they may be added to a million times.</summary>
    private StatSums?[] SumsOf(StatLabels labels) =>
        [CombinedOf(labels.Model, labels.Endpoint, labels.Category, labels.Outcome), SumsOf(StatLabel.Client, labels.Client), SumsOf(StatLabel.Application, labels.Application)];

    /// <summary>Whether a group is requested, or orders the parts of the steps.</summary>
    public bool Needs(StatLabel label) => _needs[(int)label];

    /// <summary>The sums of records with these labels, for the total and for the groups of each of the four; null when the steps of the series will do.</summary>
    public StatSums? CombinedOf(string? model, string endpoint, string category, string outcome) =>
        _isCombined ? CollectionsMarshal.GetValueRefOrAddDefault(_combined, (model, endpoint, category, outcome), out _) ??= new StatSums()
        : query.SeriesStep is null ? _total
        : null;

    /// <summary>The sums of records with one label; null when not needed.</summary>
    public StatSums? SumsOf(StatLabel label, string? value) => Needs(label) ? _groups[(int)label][value] : null;

    /// <summary>The sums of the clients that are shown, once all their requests are summed or counted.</summary>
    public IEnumerable<StatSums> ToldClients() => _groups[(int)StatLabel.Client].First(query.Top).Select(group => group.Value);

    /// <summary>The part of a step that belongs to a group of <see cref="Split"/>, which must be set.</summary>
    public StatCounts PartOf(DateTimeOffset timestamp, string? key) => _parts[StartOf(timestamp, query.SeriesStep!.Value), key];

    /// <summary>The step of the series an instant is in; null when no series is asked for.</summary>
    public StatSums? StepOf(DateTimeOffset timestamp)
    {
        if (query.SeriesStep is not { } step)
        {
            return null;
        }

        var start = StartOf(timestamp, step);
        if (_step.Sums is null || _step.Start != start)
        {
            if (!_series.TryGetValue(start, out var sums))
            {
                _series[start] = sums = new StatSums();
            }

            _step = (start, sums);
        }

        return _step.Sums;
    }

    public RequestStats Build()
    {
        foreach (var ((model, endpoint, category, outcome), sums) in _combined)
        {
            foreach (var target in (ReadOnlySpan<StatSums?>)[_total, SumsOf(StatLabel.Model, model), SumsOf(StatLabel.Endpoint, endpoint), SumsOf(StatLabel.Category, category), SumsOf(StatLabel.Outcome, outcome)])
            {
                target?.Merge(sums);
            }
        }

        if (!_isCombined)
        {
            foreach (var step in _series.Values)
            {
                _total.Merge(step);
            }
        }

        _combined.Clear();
        return Result();
    }

    private RequestStats Result() => new()
    {
        Total = _total.ToLine(),
        Models = Told(StatLabel.Model),
        Endpoints = Told(StatLabel.Endpoint),
        Categories = Told(StatLabel.Category),
        Clients = Told(StatLabel.Client),
        Applications = Told(StatLabel.Application),
        Outcomes = Told(StatLabel.Outcome),
        ErrorTypes = Told(StatLabel.ErrorType),
        ClientCount = query.Wants(StatDimension.Client) ? _groups[(int)StatLabel.Client].Named : 0,
        ModelCount = query.Wants(StatDimension.Model) ? _groups[(int)StatLabel.Model].Named : 0,
        Series = [.. _series.Select(step => new StatStep(step.Key, step.Value.ToLine(), PartsOf(step.Key)))],
        LatencyHistogram = _total.LatencyBars(),
        TimeToFirstTokenHistogram = _total.TimeToFirstTokenBars(),
        TokensPerSecondHistogram = _total.TokensPerSecondBars(),
    };

    private IReadOnlyList<StatPart> PartsOf(DateTimeOffset step) => Split is { } split ? _parts.Of(step, _named ??= Named(split)) : [];

    private IReadOnlyList<StatGroup> Told(StatLabel label) => query.Wants((StatDimension)label) ? Named(label) : [];

    private IReadOnlyList<StatGroup> Named(StatLabel label) => _groups[(int)label].Top(label is StatLabel.Model or StatLabel.Client or StatLabel.Application ? query.Top : int.MaxValue);

    private static DateTimeOffset StartOf(DateTimeOffset timestamp, TimeSpan step) =>
        DateTimeOffset.UnixEpoch.AddTicks((timestamp - DateTimeOffset.UnixEpoch).Ticks / step.Ticks * step.Ticks);

    /// <summary>Sums by a key that may be missing.</summary>
    private sealed class Groups
    {
        private readonly Dictionary<string, StatSums> _named = new(StringComparer.Ordinal);
        private StatSums? _nameless;

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

        public IReadOnlyList<StatGroup> Top(int count) => [.. First(count).Select(group => new StatGroup(group.Key, group.Value.ToLine()))];

        /// <summary>Most requests first; equals by name, those without a name last.</summary>
        public IEnumerable<KeyValuePair<string?, StatSums>> First(int count)
        {
            IEnumerable<KeyValuePair<string?, StatSums>> all = _named.Select(group => new KeyValuePair<string?, StatSums>(group.Key, group.Value));
            if (_nameless is not null)
            {
                all = all.Append(new KeyValuePair<string?, StatSums>(null, _nameless));
            }

            return all.OrderByDescending(group => group.Value.Requests + group.Value.Counted).ThenBy(group => group.Key is null).ThenBy(group => group.Key, StringComparer.Ordinal).Take(count);
        }
    }
}
