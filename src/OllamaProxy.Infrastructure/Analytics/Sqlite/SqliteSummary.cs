using System.Globalization;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>
/// Statistics at one moment, on a reader's connection: from the sums of the whole hours in the range, and from the records of the partial hours at its ends
/// and of stale hours. A question that the sums cannot answer is answered from the records.
/// </summary>
internal sealed class SqliteSummary
{
    private readonly SqliteConnection _connection;
    private readonly StatsQuery _query;
    private readonly SqliteFilter _filter;
    private readonly SqliteFilter _labels;
    private readonly StatsBuilder _builder;
    private readonly SqliteTexts _texts = new();

    private SqliteSummary(SqliteConnection connection, StatsQuery query) =>
        (_connection, _query, _filter, _labels, _builder) =
            (connection, query, new SqliteFilter(query.Filter), SqliteFilter.OfLabels(query.Filter), new StatsBuilder(query));

    public static RequestStats Of(SqliteConnection connection, StatsQuery query)
    {
        using var transaction = connection.BeginTransaction(deferred: true);
        var summary = new SqliteSummary(connection, query);
        summary.Add();
        return summary._builder.Build();
    }

    /// <summary>Reads what statistics need of matching records, at the level of SQLite's own calls, because there may be many.</summary>
    public static void ReadRows(SqliteConnection connection, SqliteFilter filter, SqliteCandidates candidates, Action<StatRow> add)
    {
        using var command = filter.Command(connection, SqliteQueries.Facts(filter, candidates), candidates);
        using var reader = command.ExecuteReader();
        var texts = new SqliteTexts();
        while (reader.Read())
        {
            var row = reader.Handle!;
            add(new StatRow(
                raw.sqlite3_column_int64(row, 0),
                LabelsOf(texts, row, 11),
                texts.Of(row, 1),
                texts.Of(row, 2),
                new StatFact(
                    texts.Of(row, 3)!,
                    raw.sqlite3_column_int64(row, 4),
                    Known(row, 5),
                    raw.sqlite3_column_double(row, 6) is >= 0 and var tokensPerSecond ? tokensPerSecond : null,
                    Known(row, 7),
                    Known(row, 8),
                    Known(row, 9),
                    raw.sqlite3_column_int64(row, 10) is >= 0 and var load ? load : null,
                    raw.sqlite3_column_int64(row, 11 + StatLabel.All.Count) != 0)));
        }
    }

    private static long? Known(sqlite3_stmt row, int column) => raw.sqlite3_column_int64(row, column) is >= 0 and var number ? number : null;

    private static StatLabels LabelsOf(SqliteTexts texts, sqlite3_stmt row, int first)
    {
        var values = new string?[StatLabel.All.Count];
        for (var label = 0; label < values.Length; label++)
        {
            values[label] = texts.Of(row, first + label);
        }

        return new StatLabels(values);
    }

    private void Add()
    {
        var from = _filter.From is { } first ? FirstWholeHour(first) : long.MinValue / SqliteRollups.HourUs;
        var to = _filter.To is { } last ? EndOfWholeHours(last) : long.MaxValue / SqliteRollups.HourUs;
        var hasHours = from < to && _query.SeriesStep?.Ticks % TimeSpan.TicksPerHour is not > 0;
        if (!hasHours || StatLabel.NeedsRows(_query.Filter) || _query.Needs(StatDimension.ErrorType))
        {
            foreach (var candidates in SqliteTextIndex.Candidates(_connection, _filter))
            {
                ReadRows(_connection, _filter, candidates, row => _builder.Add(row));
            }

            return;
        }

        if (_filter.From is { } begin)
        {
            AddRows(begin, (from * SqliteRollups.HourUs) - 1);
        }

        if (_filter.To is { } end)
        {
            AddRows(to * SqliteRollups.HourUs, end);
        }

        foreach (var hour in Hours("stale_hours", from, to))
        {
            AddRows(hour * SqliteRollups.HourUs, ((hour + 1) * SqliteRollups.HourUs) - 1);
        }

        if (_query.Filter.Client is null)
        {
            using var command = Sums("hourly", "hour >= @FromHour AND hour < @ToHour", from, to);
            AddSums(command, isClient: false);
            if (_query.Needs(StatDimension.Client))
            {
                AddClients(from, to);
            }
        }
        else
        {
            // Hour by hour, because the table is ordered by hour.
            using var command = Sums("hourly_client_labels", "hour IN (SELECT value FROM json_each(@Hours)) AND client = @Client", from, to);
            command.Parameters.AddWithValue("@Hours", SqliteIds.Json(Hours("hourly", from, to)));
            command.Parameters.AddWithValue("@Client", _query.Filter.Client);
            AddSums(command, _query.Needs(StatDimension.Client));
        }
    }

    /// <summary>Adds the records of a part of the range, which includes both ends.</summary>
    private void AddRows(long first, long last)
    {
        if (first <= last)
        {
            var range = new SqliteFilter(_query.Filter with { From = Micros.Instant(first), To = Micros.Instant(last) });
            ReadRows(_connection, range, SqliteCandidates.All, row => _builder.Add(row));
        }
    }

    /// <summary>A statement that reads sums of whole hours by labels.</summary>
    private SqliteCommand Sums(string table, string condition, long from, long to) =>
        Command($"SELECT hour, labels_id, {SqliteSums.ReadColumns} FROM {table} WHERE {condition}{LabelCondition()}", from, to);

    private SqliteCommand Command(string sql, long from, long to) => _labels.Command(_connection, sql, ("@FromHour", from), ("@ToHour", to));

    /// <summary>The plus keeps SQLite from one look-up for each of the labels and hours.</summary>
    private string LabelCondition(string column = "+labels_id") =>
        _labels.Values.Count > 0 ? $" AND {column} IN (SELECT id FROM labels WHERE {_labels.Condition})" : "";

    /// <summary>Adds the sums that a statement reads: to the sums of their labels, to their step, and to the client of the filter if they are its.</summary>
    private void AddSums(SqliteCommand command, bool isClient)
    {
        var known = new Dictionary<long, (StatLabels Labels, StatSums Sums)>();
        using var find = new SqliteStatement(_connection, $"SELECT {StatLabel.Columns} FROM labels WHERE id = ?");
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var row = reader.Handle!;
            var id = raw.sqlite3_column_int64(row, 1);
            if (!known.TryGetValue(id, out var found))
            {
                var labels = FindLabels(find, id);
                known[id] = found = (labels, _builder.SumsOf(labels));
            }

            SqliteSums.AddTo(row, 2, found.Sums);
            if (isClient)
            {
                SqliteSums.AddTo(row, 2, _builder[StatDimension.Client][_query.Filter.Client]);
            }

            if (_builder.StepAt(raw.sqlite3_column_int64(row, 0) * SqliteRollups.HourUs) is { } step)
            {
                SqliteSums.AddTo(row, 2, step.Sums);
                if (_builder.Split is { } dimension && (isClient || dimension != StatDimension.Client))
                {
                    var key = dimension == StatDimension.Client ? _query.Filter.Client : found.Labels.Values[StatLabel.IndexOf(dimension)];
                    step.PartOf(key).Add(
                        Number(row, StatNumber.Requests), Number(row, StatNumber.Errors), Number(row, StatNumber.InputTokens),
                            Number(row, StatNumber.OutputTokens));
                }
            }
        }
    }

    /// <summary>A number of the sums that <see cref="Sums"/> reads.</summary>
    private static long Number(sqlite3_stmt row, StatNumber number) => raw.sqlite3_column_int64(row, 2 + (int)number);

    /// <summary>Adds the clients (<see cref="StatsBuilder.ShowClients"/>).</summary>
    private void AddClients(long from, long to)
    {
        var (table, condition, counting) = StatLabel.AreIn(_query.Filter)
            ? ("hourly_client_labels", LabelCondition(), LabelCondition("labels_id"))
            : ("hourly_clients", $" AND {_labels.Condition}", $" AND {_labels.Condition}");
        var shown = _builder.ShowClients(CountClients($"{table} WHERE hour >= @FromHour AND hour < @ToHour{counting}", from, to));
        var names = shown.Select((_, index) => string.Create(CultureInfo.InvariantCulture, $"@Client{index}")).ToList();
        using var command = Command(
            $"""
            SELECT client, {SqliteSums.ReadColumns} FROM {table}
            WHERE hour IN (SELECT value FROM json_each(@Hours)) AND client IN ({string.Join(", ", names)}){condition}
            """,
            from,
            to);
        command.Parameters.AddWithValue("@Hours", SqliteIds.Json(Hours(table, from, to)));
        foreach (var (name, client) in names.Zip(shown))
        {
            command.Parameters.AddWithValue(name, client ?? SqliteRollups.NoClient);
        }

        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            SqliteSums.AddTo(reader.Handle!, 1, _builder[StatDimension.Client][ClientOf(reader.Handle!)]);
        }
    }

    /// <summary>The requests of each client, which are counted in the parts of the steps, too.</summary>
    private Dictionary<ValueTuple<string?>, long> CountClients(string rows, long from, long to)
    {
        Dictionary<ValueTuple<string?>, long> counted = [];
        var isSplit = _builder.Split == StatDimension.Client;
        using var command = Command($"SELECT client, requests, hour, errors, input_tokens, output_tokens FROM {rows}", from, to);
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var row = reader.Handle!;
            var (client, requests) = (new ValueTuple<string?>(ClientOf(row)), raw.sqlite3_column_int64(row, 1));
            counted[client] = counted.GetValueOrDefault(client) + requests;
            if (isSplit)
            {
                var part = _builder.StepAt(raw.sqlite3_column_int64(row, 2) * SqliteRollups.HourUs)!.PartOf(client.Item1);
                part.Add(requests, raw.sqlite3_column_int64(row, 3), raw.sqlite3_column_int64(row, 4), raw.sqlite3_column_int64(row, 5));
            }
        }

        return counted;
    }

    private string? ClientOf(sqlite3_stmt row) => _texts.Of(row, 0) is { } client && client != SqliteRollups.NoClient ? client : null;

    private StatLabels FindLabels(SqliteStatement find, long id)
    {
        find.Bind(id);
        find.Run();
        return LabelsOf(_texts, find.Row, 0);
    }

    /// <summary>The first hour of which every record is in the range. That of the range's start is one, too, when it has no record before it.</summary>
    private long FirstWholeHour(long first)
    {
        var hour = SqliteRollups.HourOf(first);
        return hour * SqliteRollups.HourUs == first || !AnyBetween(hour * SqliteRollups.HourUs, first - 1) ? hour : hour + 1;
    }

    /// <summary>The hour after the last of which every record is in the range. Most ranges end now, and no record is later.</summary>
    private long EndOfWholeHours(long last)
    {
        var hour = SqliteRollups.HourOf(last);
        return AnyBetween(last + 1, ((hour + 1) * SqliteRollups.HourUs) - 1) ? hour : hour + 1;
    }

    private bool AnyBetween(long first, long last)
    {
        const string Any = "SELECT EXISTS (SELECT 1 FROM requests WHERE timestamp_us BETWEEN @First AND @Last)";
        using var command = SqliteSchema.Command(_connection, Any, ("@First", first), ("@Last", last));
        return (long)command.ExecuteScalar()! != 0;
    }

    /// <summary>The hours of a table in a range: jumps from one to the next along its primary key.</summary>
    private List<long> Hours(string table, long from, long to)
    {
        using var command = SqliteSchema.Command(
            _connection,
            $"""
            WITH RECURSIVE hours (hour) AS (
                SELECT MIN(hour) FROM {table} WHERE hour >= @From
                UNION ALL
                SELECT (SELECT MIN(hour) FROM {table} WHERE {table}.hour > hours.hour) FROM hours WHERE hours.hour < @To)
            SELECT hour FROM hours WHERE hour < @To
            """,
            ("@From", from),
            ("@To", to));
        using var reader = command.ExecuteReader();
        List<long> hours = [];
        while (reader.Read())
        {
            hours.Add(reader.GetInt64(0));
        }

        return hours;
    }
}
