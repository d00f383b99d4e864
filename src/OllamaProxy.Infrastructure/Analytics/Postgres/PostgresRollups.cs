namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// The hourly sums of one writer, which has rows of its own and so knows what is in them: it writes each sum whole instead of reading, adding and writing
/// it. What it knows becomes valid with <see cref="Accept"/>, after the commit.
/// </summary>
internal sealed class PostgresRollups
{
    /// <summary>Hours that are remembered. Records arrive in the order of time but for a few.</summary>
    private const int Remembered = 4;

    private static readonly string s_putLabels = PostgresSums.Upsert("hourly", StatLabel.Columns);
    private static readonly string s_putClients = PostgresSums.Upsert("hourly_clients", "client, is_inference");
    private static readonly string s_putClientLabels = PostgresSums.Upsert("hourly_client_labels", $"client, {StatLabel.Columns}");

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
                hour = _isComplete ? new PostgresHour() : await LoadAsync(session, writer, group.Key, cancellationToken);
            }

            added.Add((group.Key, hour, group));
        }

        Table<StatLabels> labels = new();
        Table<(string? Client, string? IsInference)> clients = new();
        Table<(string? Client, StatLabels Labels)> clientLabels = new();
        var adding = Task.Run(
            () =>
            {
                foreach (var (start, hour, group) in added)
                {
                    labels.Add(start, hour.Labels, group, row => row.Labels, _accepted);
                    clients.Add(start, hour.Clients, group, row => (row.Client, row.Labels.IsInference), _accepted);
                    clientLabels.Add(start, hour.ClientLabels, group, row => (row.Client, row.Labels), _accepted);
                    _accepted.Add(() => _hours[start] = hour);
                }

                labels.Complete(keys => LabelValues(keys));
                clients.Complete(keys => [keys.Select(key => Kept(key.Client)).ToArray(), keys.Select(key => key.IsInference).ToArray()]);
                clientLabels.Complete(keys => [keys.Select(key => Kept(key.Client)).ToArray(), .. LabelValues(keys.Select(key => key.Labels))]);
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

        await session.RunAsync(s_putLabels, cancellationToken, [writer, .. labels.Values]);
        await session.RunAsync(s_putClients, cancellationToken, [writer, .. clients.Values]);
        await session.RunAsync(s_putClientLabels, cancellationToken, [writer, .. clientLabels.Values]);
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

    private static async Task<PostgresHour> LoadAsync(PostgresSession session, int writer, DateTime start, CancellationToken cancellationToken)
    {
        var hour = new PostgresHour();
        await session.EachAsync(
            Own("hourly", PostgresSums.LabelTexts),
            [start, writer],
            row => hour.Labels.Put(PostgresSums.LabelsOf(row, 1), row.GetInt32(0), SumsOf(row)),
            cancellationToken);
        await session.EachAsync(
            Own("hourly_clients", "client, is_inference::text"),
            [start, writer],
            row => hour.Clients.Put((ClientOf(row), row.GetString(2)), row.GetInt32(0), SumsOf(row)),
            cancellationToken);
        await session.EachAsync(
            Own("hourly_client_labels", $"client, {PostgresSums.LabelTexts}"),
            [start, writer],
            row => hour.ClientLabels.Put((ClientOf(row), PostgresSums.LabelsOf(row, 2)), row.GetInt32(0), SumsOf(row)),
            cancellationToken);
        return hour;

        // The aggregates are of one row each.
        static string Own(string table, string labels) =>
            $"SELECT cell, {labels}, {PostgresSums.Aggregates} FROM {PostgresSchema.Name}.{table} WHERE start = $1 AND writer = $2 GROUP BY cell, {labels}";

        static string? ClientOf(Npgsql.NpgsqlDataReader row) => row.IsDBNull(1) ? null : row.GetString(1);

        static StatSums SumsOf(Npgsql.NpgsqlDataReader row)
        {
            var sums = new StatSums();
            PostgresSums.AddTo(row, row.FieldCount - PostgresSums.AggregateCount, sums);
            return sums;
        }
    }

    private static IEnumerable<object> LabelValues(IEnumerable<StatLabels> labels) =>
        Enumerable.Range(0, StatLabel.All.Count).Select(label => labels.Select(values => Kept(values.Values[label])).ToArray());

    private static string? Kept(string? text) => text is null ? null : PostgresText.Of(text);

    /// <summary>The rows of one table that are written.</summary>
    private sealed class Table<TKey>
        where TKey : notnull
    {
        private readonly List<DateTime> _starts = [];
        private readonly List<int> _cells = [];
        private readonly List<StatSums> _sums = [];

        private readonly List<TKey> _keys = [];

        /// <summary>The arrays of <see cref="PostgresSums.Upsert"/> behind the writer.</summary>
        public object[] Values { get; private set; } = [];

        /// <summary>Makes the <see cref="Values"/>.</summary>
        /// <param name="labelsOf">The arrays of the label columns.</param>
        public void Complete(Func<IReadOnlyList<TKey>, IEnumerable<object>> labelsOf) =>
            Values = [_starts.ToArray(), _cells.ToArray(), .. labelsOf(_keys), .. PostgresSums.Values(_sums)];

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
                _starts.Add(start);
                _cells.Add(cell);
                _keys.Add(key);
                _sums.Add(whole);
                accepted.Add(() => cells.Put(key, cell, whole));
            }
        }
    }
}
