namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// The hourly sums of one writer, which has rows of its own and so knows what is in them: it writes each sum whole instead of reading, adding and writing
/// it. What it knows becomes valid with <see cref="Accept"/>, after the commit.
/// </summary>
internal sealed class PostgresRollups
{
    /// <summary>Hours that are remembered. Records arrive in the order of time but for a few.</summary>
    private const int Remembered = 4;

    private static readonly string[] s_puts = [.. PutsBy("hourly")];
    private static readonly string[] s_putsByDay = [.. PutsBy("daily")];

    private readonly SortedDictionary<DateTime, PostgresHour> _hours = [];
    private readonly List<Action> _accepted = [];
    private long? _removals;

    /// <summary>True while an hour that is not remembered is one that this writer has written nothing of.</summary>
    private bool _isComplete = true;

    /// <summary>Writes the sums of some rows, in the transaction of their records.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="writer">The writer that owns the rows.</param>
    /// <param name="removals">How often records were removed so far: with another number, what was known is no longer true.</param>
    /// <param name="rows">What is added.</param>
    /// <param name="meanwhile">Uses the transaction while the sums are computed; null for nothing.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task WriteAsync(
        PostgresSession session, int writer, long removals, IReadOnlyList<StatRow> rows, Func<Task>? meanwhile, CancellationToken cancellationToken)
    {
        _accepted.Clear();
        if (_removals is { } known && known != removals)
        {
            _hours.Clear();
            _isComplete = false;
        }

        _removals = removals;
        List<(DateTime Start, PostgresHour Hour, IEnumerable<StatRow> Rows)> added = [];
        foreach (var group in rows.GroupBy(row => PostgresTime.HourOf(PostgresTime.At(row.TimestampUs))))
        {
            if (!_hours.TryGetValue(group.Key, out var hour))
            {
                hour = _isComplete
                    ? new PostgresHour()
                    : await LoadAsync(session, "cell", "start = $1 AND writer = $2 GROUP BY cell,", [group.Key, writer], cancellationToken);
            }

            added.Add((group.Key, hour, group));
        }

        Tables tables = new();
        var adding = Task.Run(
            () =>
            {
                foreach (var (start, hour, group) in added)
                {
                    tables.Labels.Add(start, hour.Labels, group, row => row.Labels, _accepted);
                    tables.Clients.Add(start, hour.Clients, group, row => (row.Client, row.Labels.IsInference), _accepted);
                    tables.ClientLabels.Add(start, hour.ClientLabels, group, row => (row.Client, row.Labels), _accepted);
                    _accepted.Add(() => _hours[start] = hour);
                }

                return tables.Values(writer);
            },
            CancellationToken.None);
        try
        {
            await (meanwhile?.Invoke() ?? Task.CompletedTask);
        }
        finally
        {
            await adding;
        }

        await PutAsync(session, s_puts, await adding, cancellationToken);
    }

    /// <summary>Writes the sums of a day from those of its hours, of all writers.</summary>
    public static async Task WriteDayAsync(PostgresSession session, DateTime day, CancellationToken cancellationToken)
    {
        var sums = await LoadAsync(
            session, "(row_number() OVER ())::integer", "start >= $1 AND start < $2 GROUP BY", [day, day.AddDays(1)], cancellationToken);
        Tables tables = new();
        tables.Labels.Add(day, sums.Labels);
        tables.Clients.Add(day, sums.Clients);
        tables.ClientLabels.Add(day, sums.ClientLabels);
        await PutAsync(session, s_putsByDay, tables.Values(writer: 0), cancellationToken);
    }

    /// <summary>Accepts the last written sums after their commit.</summary>
    public void Accept()
    {
        _accepted.ForEach(accept => accept());
        _accepted.Clear();
        while (_hours.Count > Remembered)
        {
            _hours.Remove(_hours.First().Key);
            _isComplete = false;
        }
    }

    /// <summary>Forgets all sums, because it is unknown whether the last ones were committed.</summary>
    public void Forget()
    {
        _accepted.Clear();
        _hours.Clear();
        _isComplete = false;
    }

    /// <summary>Reads sums by hour, added up by labels and client.</summary>
    /// <param name="session">The transaction.</param>
    /// <param name="cell">The expression that numbers them.</param>
    /// <param name="condition">Chooses rows, up to what they are grouped by beside the labels.</param>
    /// <param name="values">The parameters of the condition.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    private static async Task<PostgresHour> LoadAsync(
        PostgresSession session, string cell, string condition, object[] values, CancellationToken cancellationToken)
    {
        var hour = new PostgresHour();
        await session.EachAsync(
            Select("hourly", PostgresSums.LabelTexts),
            values,
            row => hour.Labels.Put(PostgresSums.LabelsOf(row, 1), row.GetInt32(0), SumsOf(row)),
            cancellationToken);
        await session.EachAsync(
            Select("hourly_clients", "client, is_inference::text"),
            values,
            row => hour.Clients.Put((ClientOf(row), row.GetString(2)), row.GetInt32(0), SumsOf(row)),
            cancellationToken);
        await session.EachAsync(
            Select("hourly_client_labels", $"client, {PostgresSums.LabelTexts}"),
            values,
            row => hour.ClientLabels.Put((ClientOf(row), PostgresSums.LabelsOf(row, 2)), row.GetInt32(0), SumsOf(row)),
            cancellationToken);
        return hour;

        string Select(string table, string labels) =>
            $"SELECT {cell}, {labels}, {PostgresSums.Aggregates} FROM {PostgresSchema.Name}.{table} WHERE {condition} {labels}";

        static string? ClientOf(Npgsql.NpgsqlDataReader row) => row.IsDBNull(1) ? null : row.GetString(1);

        static StatSums SumsOf(Npgsql.NpgsqlDataReader row)
        {
            var sums = new StatSums();
            PostgresSums.AddTo(row, row.FieldCount - PostgresSums.AggregateCount, sums);
            return sums;
        }
    }

    private static IEnumerable<string> PutsBy(string period) =>
    [
        PostgresSums.Upsert(period, StatLabel.Columns),
        PostgresSums.Upsert($"{period}_clients", "client, is_inference"),
        PostgresSums.Upsert($"{period}_client_labels", $"client, {StatLabel.Columns}"),
    ];

    private static async Task PutAsync(PostgresSession session, string[] puts, object[][] values, CancellationToken cancellationToken)
    {
        foreach (var (put, parameters) in puts.Zip(values))
        {
            await session.RunAsync(put, cancellationToken, parameters);
        }
    }

    /// <summary>The rows of all tables that are written.</summary>
    private sealed class Tables
    {
        public Table<StatLabels> Labels { get; } = new();

        public Table<(string? Client, string? IsInference)> Clients { get; } = new();

        public Table<(string? Client, StatLabels Labels)> ClientLabels { get; } = new();

        /// <summary>The parameters of <see cref="PutsBy"/>.</summary>
        public object[][] Values(int writer) =>
        [
            Labels.Values(writer, keys => LabelValues(keys)),
            Clients.Values(writer, keys => [keys.Select(key => Kept(key.Client)).ToArray(), keys.Select(key => key.IsInference).ToArray()]),
            ClientLabels.Values(writer, keys => [keys.Select(key => Kept(key.Client)).ToArray(), .. LabelValues(keys.Select(key => key.Labels))]),
        ];

        private static IEnumerable<object> LabelValues(IEnumerable<StatLabels> labels) =>
            Enumerable.Range(0, StatLabel.All.Count).Select(label => labels.Select(values => Kept(values.Values[label])).ToArray());

        private static string? Kept(string? text) => text is null ? null : PostgresText.Of(text);
    }

    /// <summary>The rows of one table that are written.</summary>
    private sealed class Table<TKey>
        where TKey : notnull
    {
        private readonly List<DateTime> _starts = [];
        private readonly List<int> _cells = [];
        private readonly List<StatSums> _sums = [];

        private readonly List<TKey> _keys = [];

        /// <summary>The parameters of <see cref="PostgresSums.Upsert"/>.</summary>
        public object[] Values(int writer, Func<IReadOnlyList<TKey>, IEnumerable<object>> labelsOf) =>
            [writer, _starts.ToArray(), _cells.ToArray(), .. labelsOf(_keys), .. PostgresSums.Values(_sums)];

        public void Add(DateTime start, PostgresCells<TKey> cells)
        {
            foreach (var (key, cell, sums) in cells.All)
            {
                Add(start, cell, key, sums);
            }
        }

        public void Add(DateTime start, PostgresCells<TKey> cells, IEnumerable<StatRow> rows, Func<StatRow, TKey> keyOf, List<Action> accepted)
        {
            Dictionary<TKey, StatSums> added = [];
            foreach (var row in rows)
            {
                var key = keyOf(row);
                if (!added.TryGetValue(key, out var sums))
                {
                    added[key] = sums = new StatSums();
                }

                sums.Add(row.Fact);
            }

            var next = cells.Count;
            foreach (var (key, sums) in added)
            {
                var (cell, whole) = cells.With(key, sums, ref next);
                Add(start, cell, key, whole);
                accepted.Add(() => cells.Put(key, cell, whole));
            }
        }

        private void Add(DateTime start, int cell, TKey key, StatSums sums)
        {
            _starts.Add(start);
            _cells.Add(cell);
            _keys.Add(key);
            _sums.Add(sums);
        }
    }
}
