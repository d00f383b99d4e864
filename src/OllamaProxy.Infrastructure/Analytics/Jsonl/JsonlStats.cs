using OllamaProxy.Domain;
using Field = OllamaProxy.Infrastructure.Analytics.Jsonl.JsonlField;

namespace OllamaProxy.Infrastructure.Analytics.Jsonl;

/// <summary>Adds up matching records, each read once and only as far as the sums need it.</summary>
internal sealed class JsonlStats(StatsQuery query)
{
    private readonly JsonlFilter _filter = new(query.Filter);
    private readonly Sum _total = new();
    private readonly Groups _models = new(Field.Model, query.Needs(StatDimension.Model));
    private readonly Groups _endpoints = new(Field.Endpoint, query.Needs(StatDimension.Endpoint));
    private readonly Groups _categories = new(Field.Category, query.Needs(StatDimension.Category));
    private readonly Groups _clients = new(Field.ClientIp, query.Needs(StatDimension.Client));
    private readonly Groups _applications = new(Field.Application, query.Needs(StatDimension.Application));
    private readonly Groups _outcomes = new(Field.Outcome, query.Needs(StatDimension.Outcome));
    private readonly Groups _errorTypes = new(Field.ErrorType, query.Needs(StatDimension.ErrorType));
    private readonly SortedDictionary<long, Sum> _series = [];
    private readonly StatParts _parts = new();
    private readonly long _step = query.SeriesStep is { } step ? JsonlFormat.Micros(step) : 0;

    public RequestStats Of(JsonlSnapshot snapshot, CancellationToken cancellationToken)
    {
        var reader = new JsonlBlockReader();
        foreach (var (file, block) in snapshot.Pass().Where(source => _filter.MayMatch(source.Block)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            foreach (var line in reader.Records(file, block))
            {
                if (_filter.Matches(line))
                {
                    Add(line);
                }
            }
        }

        IReadOnlyList<StatGroup> named = Split is { } split ? Named(split) : [];
        return new RequestStats
        {
            Total = _total.ToLine(),
            Models = Told(StatDimension.Model, _models),
            Endpoints = Told(StatDimension.Endpoint, _endpoints),
            Categories = Told(StatDimension.Category, _categories),
            Clients = Told(StatDimension.Client, _clients),
            Applications = Told(StatDimension.Application, _applications),
            Outcomes = Told(StatDimension.Outcome, _outcomes),
            ErrorTypes = Told(StatDimension.ErrorType, _errorTypes),
            ClientCount = query.Wants(StatDimension.Client) ? _clients.Count : 0,
            ModelCount = query.Wants(StatDimension.Model) ? _models.Count : 0,
            Series = [.. _series.Select(step => new StatStep(JsonlFormat.Instant(step.Key), step.Value.ToLine(), _parts.Of(JsonlFormat.Instant(step.Key), named)))],
            LatencyHistogram = _total.LatencyBars(),
            TimeToFirstTokenHistogram = _total.TimeToFirstTokenBars(),
            TokensPerSecondHistogram = _total.TokensPerSecondBars(),
        };
    }

    private IReadOnlyList<StatGroup> Told(StatDimension dimension, Groups groups) => query.Wants(dimension) ? Named(groups) : [];

    private IReadOnlyList<StatGroup> Named(Groups groups) => groups.Top(groups == _models || groups == _clients || groups == _applications ? query.Top : int.MaxValue);

    /// <summary>The groups that the steps of the series are split by; null for no split.</summary>
    private Groups? Split => query.SplitBy switch
    {
        _ when _step == 0 => null,
        StatDimension.Model => _models,
        StatDimension.Endpoint => _endpoints,
        StatDimension.Category => _categories,
        StatDimension.Client => _clients,
        StatDimension.Application => _applications,
        StatDimension.Outcome => _outcomes,
        StatDimension.ErrorType => _errorTypes,
        _ => null,
    };

    private void Add(JsonlLine line)
    {
        var facts = new Facts(line);
        _total.Add(facts);
        _models.Add(line, facts);
        _endpoints.Add(line, facts);
        _categories.Add(line, facts);
        _clients.Add(line, facts);
        _applications.Add(line, facts);
        _outcomes.Add(line, facts);
        _errorTypes.Add(line, facts);
        if (_step > 0)
        {
            var start = line.Time - (((line.Time % _step) + _step) % _step);
            if (!_series.TryGetValue(start, out var sum))
            {
                _series[start] = sum = new Sum();
            }

            sum.Add(facts);
            if (Split is { } split)
            {
                _parts[JsonlFormat.Instant(start), split.KeyOf(line)].Add(facts.IsSuccess ? "success" : facts.IsCancelled ? "cancelled" : "error", facts.InputTokens, facts.OutputTokens);
            }
        }
    }

    /// <summary>What a record adds, decoded once for all groups.</summary>
    private readonly struct Facts(JsonlLine line)
    {
        public bool IsSuccess { get; } = line.Is(Field.Status, "success"u8);

        public bool IsCancelled { get; } = line.Is(Field.Status, "cancelled"u8);

        public long InputTokens { get; } = line.Int64(Field.InputTokens) ?? 0;

        public long CachedInputTokens { get; } = line.Int64(Field.CachedInputTokens) ?? 0;

        public long OutputTokens { get; } = line.Int64(Field.OutputTokens) ?? 0;

        public double? Latency { get; } = line.Micros(Field.Latency) / 1e6;

        public double? TimeToFirstToken { get; } = line.Micros(Field.TimeToFirstToken) / 1e6;

        public double? TokensPerSecond { get; } = line.Double(Field.TokensPerSecond);

        /// <summary>Microseconds; null when no model was loaded.</summary>
        public long? Load { get; } = line.Has(Field.LoadCause) ? Math.Max(0, line.Micros(Field.LoadDuration) ?? 0) : null;

        public bool IsTruncated { get; } = line.Has(Field.Truncation);
    }

    private sealed class Sum
    {
        private readonly LogHistogram _latency = new();
        private readonly LogHistogram _timeToFirstToken = new();
        private readonly LogHistogram _tokensPerSecond = new();
        private long _successes;
        private long _cancelled;
        private long _inputTokens;
        private long _cachedInputTokens;
        private long _outputTokens;
        private long _loads;
        private long _loadMicros;
        private long _truncated;

        public long Requests { get; private set; }

        public void Add(in Facts facts)
        {
            Requests++;
            _successes += facts.IsSuccess ? 1 : 0;
            _cancelled += facts.IsCancelled ? 1 : 0;
            _inputTokens += facts.InputTokens;
            _cachedInputTokens += facts.CachedInputTokens;
            _outputTokens += facts.OutputTokens;
            _loads += facts.Load is null ? 0 : 1;
            _loadMicros += facts.Load ?? 0;
            _truncated += facts.IsTruncated ? 1 : 0;
            Add(_latency, facts.Latency);
            Add(_timeToFirstToken, facts.TimeToFirstToken);
            Add(_tokensPerSecond, facts.TokensPerSecond);
        }

        public IReadOnlyList<HistogramBar> LatencyBars() => _latency.Bars();

        public IReadOnlyList<HistogramBar> TimeToFirstTokenBars() => _timeToFirstToken.Bars();

        public IReadOnlyList<HistogramBar> TokensPerSecondBars() => _tokensPerSecond.Bars();

        public StatLine ToLine() => new()
        {
            Requests = Requests,
            Successes = _successes,
            Errors = Requests - _successes - _cancelled,
            Cancelled = _cancelled,
            InputTokens = _inputTokens,
            CachedInputTokens = _cachedInputTokens,
            OutputTokens = _outputTokens,
            Loads = _loads,
            LoadTime = TimeSpan.FromMicroseconds(_loadMicros),
            Truncated = _truncated,
            Latency = _latency.ToDistribution(),
            TimeToFirstToken = _timeToFirstToken.ToDistribution(),
            TokensPerSecond = _tokensPerSecond.ToDistribution(),
        };

        private static void Add(LogHistogram histogram, double? value)
        {
            if (value is { } number)
            {
                histogram.Add(number);
            }
        }
    }

    /// <summary>Sums by the value of a field. The text is made once for each value, not once for each record.</summary>
    private sealed class Groups
    {
        private readonly Field _field;
        private readonly bool _isNeeded;
        private readonly Dictionary<string, Sum> _sums = new(StringComparer.Ordinal);
        private readonly Dictionary<string, Sum>.AlternateLookup<ReadOnlySpan<char>> _lookup;
        private Sum? _without;

        public Groups(Field field, bool isNeeded)
        {
            (_field, _isNeeded) = (field, isNeeded);
            _lookup = _sums.GetAlternateLookup<ReadOnlySpan<char>>();
        }

        /// <summary>Different values.</summary>
        public int Count => _sums.Count;

        public string? KeyOf(JsonlLine line) => line.Has(_field) ? line.Chars(_field).ToString() : null;

        public void Add(JsonlLine line, in Facts facts)
        {
            if (_isNeeded)
            {
                Of(line).Add(facts);
            }
        }

        private Sum Of(JsonlLine line)
        {
            if (!line.Has(_field))
            {
                return _without ??= new Sum();
            }

            var key = line.Chars(_field);
            if (!_lookup.TryGetValue(key, out var sum))
            {
                _lookup[key] = sum = new Sum();
            }

            return sum;
        }

        /// <summary>Those with the most requests; equals in alphabetical order, the one without a name last.</summary>
        public IReadOnlyList<StatGroup> Top(int count) =>
        [
            .. _sums.Select(sum => (Key: (string?)sum.Key, Sum: sum.Value)).Concat(_without is null ? [] : [(null, _without)])
                .OrderByDescending(group => group.Sum.Requests).ThenBy(group => group.Key is null).ThenBy(group => group.Key, StringComparer.Ordinal).Take(count)
                .Select(group => new StatGroup(group.Key, group.Sum.ToLine())),
        ];
    }
}
