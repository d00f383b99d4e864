using System.Runtime.CompilerServices;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Finds records in an order.</summary>
internal static class PostgresSearch
{
    /// <summary>The texts of a request, looked up one by one, so that only those of a page are read.</summary>
    private const string WithTexts =
        $"LEFT JOIN LATERAL (SELECT * FROM {PostgresSchema.Name}.texts WHERE time = r.time AND id = r.id LIMIT 1) t ON TRUE";

    private static string From { get; } = $"SELECT {PostgresRow.Columns} FROM {PostgresSchema.Name}.requests r {WithTexts}";

    public static async Task<RequestPage> PageAsync(PostgresSession session, RequestQuery query, CancellationToken cancellationToken)
    {
        // One more than asked for says whether there is a next page.
        var limit = query.Limit + 1;
        var hasUnknown = !RecordFields.Of(query.Order).IsRequired;
        List<RequestRecord> records = [];
        foreach (var part in await PartsAsync(session, query, cancellationToken))
        {
            var filter = new PostgresFilter(part.Filter, part.LooksUpTexts);
            filter.After(query, hasUnknown);
            var order = filter.OrderOf(query, hasUnknown);
            var sql =
                $"""
                SELECT {PostgresRow.Columns} FROM (
                    SELECT * FROM {PostgresSchema.Name}.requests r WHERE {filter.Condition} ORDER BY {order} LIMIT {filter.Parameter(limit - records.Count)}) r
                {WithTexts} ORDER BY {order}
                """;
            records.AddRange(await session.ListAsync(sql, filter.Values, PostgresRow.Read, cancellationToken));
            if (records.Count == limit)
            {
                break;
            }
        }

        return SqlFilter.PageOf(records, query);
    }

    /// <summary>All matching records, newest first, as they arrive.</summary>
    public static async IAsyncEnumerable<RequestRecord> ReadAsync(
        PostgresSession session, RequestFilter filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var part in await PartsAsync(session, new RequestQuery { Filter = filter }, cancellationToken))
        {
            var matching = new PostgresFilter(part.Filter, part.LooksUpTexts);
            await using var command = session.Command($"{From} WHERE {matching.Condition} ORDER BY r.time DESC, r.id DESC", matching.Values);
            await using var reader = await command.ExecuteReaderAsync(cancellationToken).OnPoolAsync();
            while (await reader.ReadAsync(cancellationToken).OnPoolAsync())
            {
                yield return PostgresRow.Read(reader);
            }
        }
    }

    public static async Task<RequestRecord?> FindAsync(PostgresSession session, long id, CancellationToken cancellationToken) =>
        (await session.ListAsync($"{From} WHERE r.id = $1", [id], PostgresRow.Read, cancellationToken)).SingleOrDefault();

    /// <summary>
    /// The filter, or, when texts are searched in the order of time, the filter of each day: a page is often full after a day or
    /// two, and each day's index is small.
    /// </summary>
    private static async Task<IReadOnlyList<(RequestFilter Filter, bool LooksUpTexts)>> PartsAsync(
        PostgresSession session, RequestQuery query, CancellationToken cancellationToken)
    {
        var filter = query.Filter;
        if (query.Order != RequestOrder.Time || (filter.Search, filter.PromptSearch) is (null or "", null or ""))
        {
            return [(filter, false)];
        }

        var indexed = await PostgresUpkeep.IndexedAsync(session, cancellationToken);
        var days = await PostgresDays.ListAsync(session, "texts", cancellationToken);
        if (!query.Ascending)
        {
            days.Reverse();
        }

        return
        [
            .. from day in days
               let start = PostgresTime.Instant(PostgresTime.StartOf(day))
               let end = start.AddDays(1).AddMicroseconds(-1)
               where !(filter.From > end) && !(filter.To < start)
               select (filter with { From = filter.From > start ? filter.From : start, To = filter.To < end ? filter.To : end }, !indexed.Contains(day)),
        ];
    }
}
