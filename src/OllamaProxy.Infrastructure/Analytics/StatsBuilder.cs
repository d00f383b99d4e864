using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>Builds statistics from rows, or from sums of rows. The filter has been applied already.</summary>
internal sealed class StatsBuilder(StatsQuery query)
{
    private readonly StatGroups[] _groups = [.. Enum.GetValues<StatDimension>().Select(_ => new StatGroups())];
    private readonly StatDimension[] _labels =
        [.. Enum.GetValues<StatDimension>().Where(dimension => StatLabel.IndexOf(dimension) >= 0 && query.Needs(dimension))];

    /// <summary>Sums by all labels together, which are few. The total and the groups of each label are added up from these in the end.</summary>
    private readonly Dictionary<StatLabels, StatSums> _combined = [];

    private readonly SortedDictionary<long, StatStepSums> _series = [];
    private readonly long _stepUs = (query.SeriesStep?.Ticks ?? 0) / TimeSpan.TicksPerMicrosecond;
    private readonly bool _needsClients = query.Needs(StatDimension.Client);
    private readonly bool _needsErrorTypes = query.Needs(StatDimension.ErrorType);
    private (long Start, StatStepSums? Step) _last;

    /// <summary>The label that splits the steps of the series; null for no split.</summary>
    public StatDimension? Split { get; } = query.SeriesStep is null ? null : query.SplitBy;

    /// <summary>The groups of a dimension.</summary>
    public StatGroups this[StatDimension dimension] => _groups[(int)dimension];

    public void Add(in StatRow row)
    {
        SumsOf(row.Labels).Add(row.Fact);
        if (_needsClients)
        {
            this[StatDimension.Client][row.Client].Add(row.Fact);
        }

        if (_needsErrorTypes)
        {
            this[StatDimension.ErrorType][row.ErrorType].Add(row.Fact);
        }

        if (StepAt(row.TimestampUs) is { } step)
        {
            step.Sums.Add(row.Fact);
            if (Split is { } split)
            {
                step.PartOf(row[split]).Add(row.Fact);
            }
        }
    }

    /// <summary>The sums of all records with these labels.</summary>
    public StatSums SumsOf(StatLabels labels)
    {
        if (!_combined.TryGetValue(labels, out var sums))
        {
            _combined[labels] = sums = new StatSums();
        }

        return sums;
    }

    /// <summary>The step of the series at an instant; null without a series.</summary>
    public StatStepSums? StepAt(long timestampUs)
    {
        if (_stepUs == 0)
        {
            return null;
        }

        var start = timestampUs - (((timestampUs % _stepUs) + _stepUs) % _stepUs);
        if (_last.Step is null || _last.Start != start)
        {
            if (!_series.TryGetValue(start, out var step))
            {
                _series[start] = step = new StatStepSums();
            }

            _last = (start, step);
        }

        return _last.Step;
    }

    /// <summary>
    /// Adds the counted requests of all clients. Returns the clients that are shown: their counts are taken off again, because their sums are read next, with
    /// distributions. To read those of all clients would take too long.
    /// </summary>
    /// <param name="counted">The requests by client; a tuple because a client may be null.</param>
    public List<string?> ShowClients(Dictionary<ValueTuple<string?>, long> counted)
    {
        var clients = this[StatDimension.Client];
        foreach (var (client, requests) in counted)
        {
            clients[client.Item1][StatNumber.Requests] += requests;
        }

        List<string?> shown = [.. clients.Top(query.Top).Select(group => group.Key).Where(client => counted.ContainsKey(new(client)))];
        shown.ForEach(client => clients[client][StatNumber.Requests] -= counted[new(client)]);
        return shown;
    }

    public RequestStats Build()
    {
        var total = new StatSums();
        foreach (var (labels, sums) in _combined)
        {
            total.Merge(sums);
            foreach (var dimension in _labels)
            {
                this[dimension][labels.Values[StatLabel.IndexOf(dimension)]].Merge(sums);
            }
        }

        string?[] parts = Split is { } split ? [.. Top(split).Select(group => group.Key)] : [];
        return new RequestStats
        {
            Total = total.ToLine(),
            Groups = Enum.GetValues<StatDimension>().Where(query.Wants).ToDictionary(
                dimension => dimension,
                dimension => (IReadOnlyList<StatGroup>)[.. Top(dimension).Select(group => new StatGroup(group.Key, group.Sums.ToLine()))]),
            ClientCount = query.Wants(StatDimension.Client) ? this[StatDimension.Client].Named : 0,
            ModelCount = query.Wants(StatDimension.Model) ? this[StatDimension.Model].Named : 0,
            Series = [.. _series.Select(step => step.Value.ToStep(Micros.Instant(step.Key), parts))],
            LatencyHistogram = total[StatMeasure.Latency].Bars(),
            TimeToFirstTokenHistogram = total[StatMeasure.TimeToFirstToken].Bars(),
            TokensPerSecondHistogram = total[StatMeasure.TokensPerSecond].Bars(),
        };
    }

    private IEnumerable<(string? Key, StatSums Sums)> Top(StatDimension dimension) =>
        this[dimension].Top(dimension is StatDimension.Model or StatDimension.Client or StatDimension.Application ? query.Top : int.MaxValue);
}
