using System.Globalization;
using System.Runtime.InteropServices;
using Npgsql;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// Statistics of one snapshot: from the sums of the whole days and hours in the range, which the server adds up, and from the records of the partial hours at
/// its ends. A question that the sums cannot answer is answered from the records.
/// </summary>
internal sealed class PostgresSummary
{
    private readonly PostgresSession _session;
    private readonly StatsQuery _query;
    private readonly StatsBuilder _builder;
    private readonly CancellationToken _cancellationToken;

    /// <summary>The step in seconds; null without a series.</summary>
    private readonly long? _step;

    private PostgresSummary(PostgresSession session, StatsQuery query, CancellationToken cancellationToken)
    {
        (_session, _query, _builder, _cancellationToken) = (session, query, new StatsBuilder(query), cancellationToken);
        _step = query.SeriesStep?.Ticks / TimeSpan.TicksPerSecond;
    }

    public static async Task<RequestStats> OfAsync(PostgresSession session, StatsQuery query, CancellationToken cancellationToken)
    {
        var summary = new PostgresSummary(session, query, cancellationToken);
        await summary.AddAsync();
        return summary._builder.Build();
    }

    /// <summary>Calls for each matching record with what statistics need of it.</summary>
    public static Task EachAsync(PostgresSession session, PostgresFilter filter, Action<StatRow> add, CancellationToken cancellationToken) => session.EachAsync(
        $"""
        SELECT r.time, r.client_ip, r.error_type, r.status, r.latency_us, r.time_to_first_token_us, r.tokens_per_second, r.input_tokens, r.cached_input_tokens,
               r.output_tokens, CASE WHEN r.load_cause IS NOT NULL THEN COALESCE(r.load_duration_us, 0) END, r.truncation IS NOT NULL, {PostgresSums.LabelTexts}
        FROM {PostgresSchema.Name}.requests r WHERE {filter.Condition}
        """,
        filter.Values,
        row => add(new StatRow(
            PostgresTime.MicrosOf(row.GetDateTime(0)),
            PostgresSums.LabelsOf(row, 12),
            Text(row, 1),
            Text(row, 2),
            new StatFact(
                row.GetString(3),
                row.GetInt64(4),
                row.IsDBNull(5) ? null : row.GetInt64(5),
                row.IsDBNull(6) ? null : row.GetDouble(6),
                row.IsDBNull(7) ? null : row.GetInt32(7),
                row.IsDBNull(8) ? null : row.GetInt32(8),
                row.IsDBNull(9) ? null : row.GetInt32(9),
                row.IsDBNull(10) ? null : row.GetInt64(10),
                row.GetBoolean(11)))),
        cancellationToken);

    private async Task AddAsync()
    {
        if (StatLabel.NeedsRows(_query.Filter) || _query.Needs(StatDimension.ErrorType) || _query.SeriesStep?.Ticks % TimeSpan.TicksPerHour is > 0)
        {
            await AddRowsAsync(_query.Filter.From, _query.Filter.To);
            return;
        }

        var (from, to) = await WholeHoursAsync();
        if (from >= to)
        {
            await AddRowsAsync(_query.Filter.From, _query.Filter.To);
            return;
        }

        var micro = TimeSpan.FromMicroseconds(1);
        if (from is { } first)
        {
            await AddRowsAsync(_query.Filter.From, first - micro);
        }

        if (to is { } end)
        {
            await AddRowsAsync(end, _query.Filter.To);
        }

        var parts = await PartsAsync(from, to);
        foreach (var part in parts)
        {
            await AddSumsAsync(part);
        }

        if (_query.Filter.Client is null && _query.Needs(StatDimension.Client))
        {
            await AddClientsAsync(parts);
        }
    }

    /// <summary>Divides whole hours into runs of days that have been added up, and the hours between them.</summary>
    private async Task<List<Part>> PartsAsync(DateTimeOffset? from, DateTimeOffset? to)
    {
        const string Days = $"SELECT day FROM {PostgresSchema.Name}.days WHERE day >= $1 AND day + interval '24 hours' <= $2 ORDER BY day";
        List<Part> parts = [];
        var next = from;
        if (_step is null || _step % (long)TimeSpan.FromDays(1).TotalSeconds == 0)
        {
            var (first, last) = (from?.UtcDateTime ?? PostgresTime.StartOf(DateOnly.MinValue), to?.UtcDateTime ?? PostgresTime.StartOf(DateOnly.MaxValue));
            foreach (var day in await _session.ListAsync(Days, [first, last], row => PostgresTime.Instant(row.GetDateTime(0)), _cancellationToken))
            {
                if (parts is [.., { Period: "daily" } run] && run.To == day)
                {
                    parts[^1] = run with { To = day.AddDays(1) };
                }
                else
                {
                    if (next is null || next < day)
                    {
                        parts.Add(new Part("hourly", next, day));
                    }

                    parts.Add(new Part("daily", day, day.AddDays(1)));
                }

                next = day.AddDays(1);
            }
        }

        if (next is null || to is null || next < to)
        {
            parts.Add(new Part("hourly", next, to));
        }

        return parts;
    }

    /// <summary>Adds the records of a part of the range.</summary>
    private Task AddRowsAsync(DateTimeOffset? from, DateTimeOffset? to) => from > to
        ? Task.CompletedTask
        : EachAsync(_session, new PostgresFilter(_query.Filter with { From = from, To = to }), row => _builder.Add(row), _cancellationToken);

    /// <summary>
    /// The first hour of which every record is in the range, and the hour after the last; null for no end. The hours of the range's ends are among them when no
    /// record of theirs is outside.
    /// </summary>
    private async Task<(DateTimeOffset? From, DateTimeOffset? To)> WholeHoursAsync()
    {
        DateTimeOffset? from = null, to = null;
        if (_query.Filter.From is { } first)
        {
            var start = PostgresTime.InstantFrom(first);
            var hour = PostgresTime.HourOf(start);
            from = hour == start || !await AnyAsync(">= $1 AND time < $2", hour, start) ? hour : hour.AddHours(1);
        }

        if (_query.Filter.To is { } last)
        {
            var end = PostgresTime.Instant(last);
            var hour = PostgresTime.HourOf(end);
            to = await AnyAsync("> $1 AND time < $2", end, hour.AddHours(1)) ? hour : hour.AddHours(1);
        }

        return (from, to);
    }

    private async Task<bool> AnyAsync(string condition, DateTime from, DateTime to) =>
        await _session.AskAsync($"SELECT EXISTS (SELECT 1 FROM {PostgresSchema.Name}.requests WHERE time {condition})", _cancellationToken, from, to) is true;

    /// <summary>A condition on sums: their time, and what the filter says of labels and client.</summary>
    private PostgresFilter Sums(bool byClient, Part part)
    {
        var sums = PostgresFilter.OfSums(_query.Filter, byClient);
        if (part.From is { } first)
        {
            sums.And($"start >= {sums.Parameter(first.UtcDateTime)}");
        }

        if (part.To is { } end)
        {
            sums.And($"start < {sums.Parameter(end.UtcDateTime)}");
        }

        return sums;
    }

    /// <summary>The expression that groups hours: all together, or by step.</summary>
    private string Step => _step is { } step ? string.Create(CultureInfo.InvariantCulture, $"floor(extract(epoch FROM start)::float8 / {step})") : "0::float8";

    /// <summary>Adds the sums by labels and step.</summary>
    private async Task AddSumsAsync(Part part)
    {
        var isOfClient = _query.Filter.Client is not null;
        var sums = Sums(isOfClient, part);
        var needsClient = isOfClient && _query.Needs(StatDimension.Client);
        var firstSum = 1 + StatLabel.All.Count;
        List<StatSums> targets = [];
        await _session.EachAsync(
            $"""
            SELECT min(start), {PostgresSums.LabelTexts}, {PostgresSums.Aggregates}
            FROM {PostgresSchema.Name}.{part.Period}{(isOfClient ? "_client_labels" : "")} WHERE {sums.Condition} GROUP BY {Step}, {StatLabel.Columns}
            """,
            sums.Values,
            row =>
            {
                var labels = PostgresSums.LabelsOf(row, 1);
                var step = _builder.StepAt(PostgresTime.MicrosOf(row.GetDateTime(0)));
                targets.Clear();
                targets.Add(_builder.SumsOf(labels));
                if (needsClient)
                {
                    targets.Add(_builder[StatDimension.Client][_query.Filter.Client]);
                }

                if (step is not null)
                {
                    targets.Add(step.Sums);
                }

                PostgresSums.AddTo(row, firstSum, CollectionsMarshal.AsSpan(targets));
                if (step is not null && _builder.Split is { } split && (isOfClient || split != StatDimension.Client))
                {
                    AddCounts(step.PartOf(split == StatDimension.Client ? _query.Filter.Client : labels.Values[StatLabel.IndexOf(split)]), row, firstSum);
                }
            },
            _cancellationToken);
    }

    /// <summary>Adds the clients (<see cref="StatsBuilder.ShowClients"/>).</summary>
    private async Task AddClientsAsync(List<Part> parts)
    {
        var table = StatLabel.AreIn(_query.Filter) ? "client_labels" : "clients";
        var isSplit = _builder.Split == StatDimension.Client;
        Dictionary<ValueTuple<string?>, long> counted = [];
        foreach (var part in parts)
        {
            var sums = Sums(byClient: true, part);
            await _session.EachAsync(
                $"""
                SELECT min(start), client, sum(requests)::bigint, sum(errors)::bigint, sum(input_tokens)::bigint, sum(output_tokens)::bigint
                FROM {PostgresSchema.Name}.{part.Period}_{table} WHERE {sums.Condition} GROUP BY client{(isSplit ? $", {Step}" : "")}
                """,
                sums.Values,
                row =>
                {
                    var key = new ValueTuple<string?>(Text(row, 1));
                    counted[key] = counted.GetValueOrDefault(key) + row.GetInt64(2);
                    if (isSplit)
                    {
                        var counts = _builder.StepAt(PostgresTime.MicrosOf(row.GetDateTime(0)))!.PartOf(key.Item1);
                        counts.Add(row.GetInt64(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5));
                    }
                },
                _cancellationToken);
        }

        var shown = _builder.ShowClients(counted);
        foreach (var part in parts)
        {
            var those = Sums(byClient: true, part);
            those.And($"(client = ANY ({those.Parameter(shown.OfType<string>().ToArray())}) OR client IS NULL AND {those.Parameter(shown.Contains(null))})");
            await _session.EachAsync(
                $"SELECT client, {PostgresSums.Aggregates} FROM {PostgresSchema.Name}.{part.Period}_{table} WHERE {those.Condition} GROUP BY client",
                those.Values,
                row => PostgresSums.AddTo(row, 1, _builder[StatDimension.Client][Text(row, 0)]),
                _cancellationToken);
        }
    }

    private static void AddCounts(StatCounts counts, NpgsqlDataReader row, int first) => counts.Add(
        row.GetInt64(first + (int)StatNumber.Requests),
        row.GetInt64(first + (int)StatNumber.Errors),
        row.GetInt64(first + (int)StatNumber.InputTokens),
        row.GetInt64(first + (int)StatNumber.OutputTokens));

    /// <summary>A part of the range whose sums are in tables of one period, <c>hourly</c> or <c>daily</c>; null for no end.</summary>
    private sealed record Part(string Period, DateTimeOffset? From, DateTimeOffset? To);

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
