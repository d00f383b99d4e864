using Microsoft.Data.Sqlite;
using OllamaProxy.Domain;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Statistics at one moment, on a reader's connection: from sums of the whole hours in the range, and from the rows of its ends and of stale hours.</summary>
internal sealed class SqliteSummary : IDisposable
{
    private readonly SqliteConnection _connection;
    private readonly StatsQuery _query;
    private readonly SqliteFilter _filter;
    private readonly StatsBuilder _builder;
    private readonly RollupLabels _labels;
    private readonly StatCell _cell = new();
    private readonly SqliteClientSums _clientSums;
    private readonly CancellationToken _cancellationToken;

    /// <summary>The hour whose sums are read.</summary>
    private long _hour;

    private SqliteSummary(SqliteConnection connection, StatsQuery query, CancellationToken cancellationToken)
    {
        (_connection, _query, _filter, _builder, _cancellationToken) = (connection, query, SqliteFilter.Of(query.Filter), new StatsBuilder(query), cancellationToken);
        _labels = new RollupLabels(query, _builder);
        _clientSums = new SqliteClientSums(connection);
    }

    /// <returns>The statistics, and the hour whose sums are damaged; null for none. Then all is from the rows, which say the same more slowly.</returns>
    public static (RequestStats Stats, long? Damaged) Of(SqliteConnection connection, StatsQuery query, CancellationToken cancellationToken)
    {
        using var transaction = connection.BeginTransaction(deferred: true);
        using var summary = new SqliteSummary(connection, query, cancellationToken);
        try
        {
            return (summary.OfSums(), null);
        }
        catch (FormatException)
        {
            using var again = new SqliteSummary(connection, query, cancellationToken);
            return (again.OfRows(), summary._hour);
        }
    }

    public void Dispose() => _clientSums.Dispose();

    /// <summary>Reads what statistics need of matching records, at the level of SQLite's own calls, as there may be many.</summary>
    public static void ReadRows(SqliteConnection connection, SqliteFilter filter, SqliteCandidates candidates, Action<FactRow> add)
    {
        using var command = SqliteSchema.Command(connection, SqliteQueries.Facts(filter, candidates));
        filter.AddTo(command, candidates);
        using var reader = command.ExecuteReader();
        var texts = new SqliteTexts();
        while (reader.Read())
        {
            var row = reader.Handle!;
            add(new FactRow(
                SqliteRow.Instant(raw.sqlite3_column_int64(row, 0)),
                new StatLabels(
                    texts.Of(row, 1), texts.Of(row, 2)!, texts.Of(row, 3)!, texts.Of(row, 4), texts.Of(row, 5), texts.Of(row, 6)!, texts.Of(row, 7)!, raw.sqlite3_column_int64(row, 8) != 0),
                new StatNumbers(
                    SqliteRow.Duration(raw.sqlite3_column_int64(row, 9)).TotalSeconds,
                    Known(row, 10) is { } timeToFirstToken ? SqliteRow.Duration(timeToFirstToken).TotalSeconds : null,
                    raw.sqlite3_column_double(row, 11) is >= 0 and var tokensPerSecond ? tokensPerSecond : null,
                    Known(row, 12),
                    Known(row, 13),
                    Known(row, 14),
                    Known(row, 15) is { } load ? SqliteRow.Duration(load) : null,
                    raw.sqlite3_column_int64(row, 16) != 0),
                texts.Of(row, 17)));
        }
    }

    private static long? Known(sqlite3_stmt row, int column) => raw.sqlite3_column_int64(row, column) is >= 0 and var number ? number : null;

    private RequestStats OfRows()
    {
        foreach (var candidates in SqliteTextIndex.Candidates(_connection, _filter))
        {
            ReadRows(_connection, _filter, candidates, row => _builder.Add(row.Timestamp, row.Labels, row.Numbers, row.ErrorType));
        }

        return _builder.Build();
    }

    private RequestStats OfSums()
    {
        var from = _filter.From is { } first ? FirstWholeHour(first) : long.MinValue / SqliteRollups.HourUs;
        var to = _filter.To is { } last ? EndOfWholeHours(last) : long.MaxValue / SqliteRollups.HourUs;
        if (_filter.NeedsRows || _query.Needs(StatDimension.ErrorType) || _query.SeriesStep?.Ticks % TimeSpan.TicksPerHour is > 0 || from >= to)
        {
            return OfRows();
        }

        List<(long First, long End)> rows = [(long.MinValue, from * SqliteRollups.HourUs), (to * SqliteRollups.HourUs, long.MaxValue)];
        foreach (var (hour, state) in Hours(from, to))
        {
            if (state == SqliteRollups.Stale)
            {
                rows.Add((hour * SqliteRollups.HourUs, (hour + 1) * SqliteRollups.HourUs));
                continue;
            }

            AddPacks(hour);
            if (state == SqliteRollups.Open)
            {
                AddRollups(hour);
            }
        }

        foreach (var (start, end) in rows)
        {
            var range = SqliteFilter.Of(_query.Filter);
            range.From = Math.Max(start, _filter.From ?? long.MinValue);
            range.To = Math.Min(end - 1, _filter.To ?? long.MaxValue);
            if (range.From <= range.To)
            {
                ReadRows(_connection, range, SqliteCandidates.All, row => _builder.Add(row.Timestamp, row.Labels, row.Numbers, row.ErrorType));
            }
        }

        if (!KnowsClients && _builder.Needs(StatLabel.Client))
        {
            AddToldClients();
        }

        return _builder.Build();
    }

    /// <summary>Whether clients are needed for more than to tell of those with most requests: then the sums of each of them are read.</summary>
    private bool KnowsClients => _filter.Client is not null || _builder.Split == StatLabel.Client;

    /// <summary>The first hour of which every record is in the range: the one it begins in, too, when no record of that is before it.</summary>
    private long FirstWholeHour(long first)
    {
        var hour = SqliteRollups.HourOf(first);
        return hour * SqliteRollups.HourUs == first || !AnyBetween(hour * SqliteRollups.HourUs, first - 1) ? hour : hour + 1;
    }

    /// <summary>The hour after the last of which every record is in the range: most ranges end now, and nothing is after that.</summary>
    private long EndOfWholeHours(long last)
    {
        var hour = SqliteRollups.HourOf(last);
        return AnyBetween(last + 1, ((hour + 1) * SqliteRollups.HourUs) - 1) ? hour : hour + 1;
    }

    private bool AnyBetween(long first, long last)
    {
        using var command = SqliteSchema.Command(_connection, "SELECT EXISTS (SELECT 1 FROM requests WHERE timestamp_us BETWEEN @First AND @Last)", ("@First", first), ("@Last", last));
        return (long)command.ExecuteScalar()! != 0;
    }

    private List<(long Hour, long State)> Hours(long from, long to)
    {
        List<(long, long)> hours = [];
        using var command = SqliteSchema.Command(_connection, "SELECT hour, state FROM hours WHERE hour >= @From AND hour < @To", ("@From", from), ("@To", to));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            hours.Add((reader.GetInt64(0), reader.GetInt64(1)));
        }

        return hours;
    }

    /// <summary>Adds the packed sums of an hour. Of clients, of which there are many, the requests are counted only, unless the question is about them.</summary>
    private void AddPacks(long hour)
    {
        var start = SqliteRow.Instant(hour * SqliteRollups.HourUs);
        if (KnowsClients)
        {
            ReadPacks("hour", hour, "clients", (id, row) => EachClient(id, raw.sqlite3_column_blob(row, 3), (place, counts) =>
            {
                if (AddClient(place, cell => Add(start, cell, hasClient: true)) != _labels.Count(counts))
                {
                    throw HourPack.Refused();
                }
            }));
            return;
        }

        var needsClients = _builder.Needs(StatLabel.Client);
        ReadPacks("hour", hour, needsClients ? "sums, clients" : "sums", (id, row) =>
        {
            var next = 0;
            var sums = raw.sqlite3_column_blob(row, 3);
            while (_labels.NextCombination(ref next, ref sums, out var cell))
            {
                Add(start, cell, hasClient: false);
            }

            if (needsClients)
            {
                EachClient(id, raw.sqlite3_column_blob(row, 4), CountClient);
            }
        });
    }

    private void CountClient(long place, ReadOnlySpan<byte> counts)
    {
        // A client without a request must not appear.
        if (_labels.Count(counts) is > 0 and var count)
        {
            _labels.OfClient!.Counted += count;
            _labels.Remember(place, count);
        }
    }

    /// <summary>Sums the clients that are shown, and reads no other sums of clients, which are most of the bytes.</summary>
    private void AddToldClients()
    {
        var told = _builder.ToldClients().Where(client => client.Counted > 0).ToHashSet();
        var remembered = _labels.Remembered().Where(client => told.Contains(client.Client)).SelectMany(client => client.Places.Select(found => (found.Place, found.Requests, client.Client)));
        foreach (var pack in remembered.GroupBy(found => SqliteHourPacks.PackOf(found.Place)).OrderBy(pack => pack.Key))
        {
            ReadPacks("id", pack.Key, "NULL", (_, _) =>
            {
                foreach (var (place, requests, client) in pack)
                {
                    var added = AddClient(place, cell =>
                    {
                        _cell.Read(cell);
                        client.Merge(_cell);
                    });
                    client.Counted -= added == requests ? added : throw HourPack.Refused();
                }
            });
        }
    }

    /// <summary>
    /// Adds the sums of a client of the pack that is open, and returns how many requests they are of. A blob of another client would decode just as well, so
    /// the count is checked.
    /// </summary>
    /// <param name="place">Their row.</param>
    /// <param name="add">Reads into <see cref="_cell"/>.</param>
    private long AddClient(long place, Action<ReadOnlySpan<byte>> add)
    {
        var added = 0L;
        var sums = _clientSums.Read(place);
        while (_labels.NextCell(ref sums, out var bytes))
        {
            add(bytes);
            added += _cell.Requests;
        }

        return added;
    }

    /// <summary>Goes through the clients of the pack that is open: where their sums are, and what they have; <see cref="_labels"/> has just found the client.</summary>
    private void EachClient(long pack, ReadOnlySpan<byte> bytes, Action<long, ReadOnlySpan<byte>> read)
    {
        var clients = new HourPackClients(bytes);
        while (_labels.NextClient(ref clients, out var counts))
        {
            read(SqliteHourPacks.IdOfSums(pack, clients.Taken), counts);
        }
    }

    /// <summary>Reads packs of which the filter does not leave out everything; <see cref="_labels"/> has just opened the pack.</summary>
    /// <param name="by">The column they are looked up by.</param>
    /// <param name="value">Its value.</param>
    /// <param name="columns">What is read: the columns from the fourth on.</param>
    /// <param name="read">Given the row's number, and the row.</param>
    private void ReadPacks(string by, long value, string columns, Action<long, sqlite3_stmt> read)
    {
        // An interrupt ends the statement that runs, and there may be none.
        _cancellationToken.ThrowIfCancellationRequested();
        using var command = SqliteSchema.Command(_connection, $"SELECT id, hour, keys, {columns} FROM packs WHERE {by} = @Value", ("@Value", value));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var row = reader.Handle!;
            _hour = raw.sqlite3_column_int64(row, 1);
            if (_labels.Open(raw.sqlite3_column_blob(row, 2)))
            {
                read(raw.sqlite3_column_int64(row, 0), row);
            }
        }
    }

    private void AddRollups(long hour)
    {
        _hour = hour;
        var start = SqliteRow.Instant(hour * SqliteRollups.HourUs);
        using var command = SqliteSchema.Command(_connection, "SELECT labels, sums FROM rollups WHERE hour = @Hour", ("@Hour", hour));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            if (_labels.Read(raw.sqlite3_column_blob(reader.Handle!, 0)))
            {
                Add(start, raw.sqlite3_column_blob(reader.Handle!, 1), hasClient: true);
            }
        }
    }

    /// <summary>Adds the sums of what <see cref="_labels"/> looked at last.</summary>
    private void Add(DateTimeOffset start, ReadOnlySpan<byte> sums, bool hasClient)
    {
        _cell.Read(sums);
        _labels.Combined?.Merge(_cell);
        _labels.OfApplication?.Merge(_cell);
        if (hasClient)
        {
            _labels.OfClient?.Merge(_cell);
        }

        _builder.StepOf(start)?.Merge(_cell);
        if (_builder.Split is not null)
        {
            _labels.PartOf(start).Merge(_cell);
        }
    }

    public readonly record struct FactRow(DateTimeOffset Timestamp, StatLabels Labels, StatNumbers Numbers, string? ErrorType);
}
