using Dapper;
using Microsoft.Data.Sqlite;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Finds pages of records, on a reader's connection.</summary>
internal static class SqliteSearch
{
    /// <summary>
    /// A text that occurs more often than once in so many records of the newest part is sooner found by going through the records in order than by
    /// sorting all its candidates.
    /// </summary>
    private const int Frequent = 100;

    public static RequestPage Page(SqliteConnection connection, RequestQuery query)
    {
        // One more than asked for says whether there is a next page.
        var filter = SqliteFilter.Of(query.Filter);
        filter.Limit = query.Limit + 1;
        filter.AfterId = query.After?.Id;
        filter.AfterValue = query.After?.Value;
        // Everything is seen at the same moment: parts of the text index come and go.
        using var transaction = connection.BeginTransaction(deferred: true);
        var rows = filter.Match is not null && PlacesByText(connection, filter, query) is { } places
            ? Rows(connection, transaction, places)
            : InOrder(connection, transaction, filter, query.Order, query.Ascending);
        List<RequestRecord> records = [.. rows.Take(query.Limit).Select(row => row.ToRecord())];
        return new RequestPage(records, rows.Count > query.Limit ? new RequestCursor(ValueOf(records[^1], query.Order), records[^1].Id) : null);
    }

    private static List<SqliteRow> InOrder(SqliteConnection connection, SqliteTransaction transaction, SqliteFilter filter, RequestOrder order, bool ascending)
    {
        var afterUnknown = filter is { AfterId: not null, AfterValue: null };
        List<SqliteRow> rows = [];
        if (!afterUnknown)
        {
            rows.AddRange(connection.Query<SqliteRow>(SqliteQueries.Page(filter, order, ascending), filter, transaction));
        }

        if (rows.Count < filter.Limit && SqliteQueries.MayBeUnknown(order))
        {
            filter.Limit -= rows.Count;
            rows.AddRange(connection.Query<SqliteRow>(SqliteQueries.PageOfUnknown(filter, order, afterUnknown), filter, transaction));
        }

        return rows;
    }

    /// <summary>The positions of a page by way of the text index; null when going through the records is better.</summary>
    private static List<long>? PlacesByText(SqliteConnection connection, SqliteFilter filter, RequestQuery query)
    {
        var parts = SqliteTextIndex.Parts(connection, filter);
        var byTime = query.Order == RequestOrder.Time;
        if (!byTime && parts.Find(part => part.Indexed) is { Indexed: true } newest
            && SqliteTextIndex.Positions(connection, filter, newest).Count > SqliteTextIndex.PartSize / Frequent)
        {
            return null;
        }

        if (byTime)
        {
            parts = [.. query.Ascending ? parts.OrderBy(part => part.Oldest) : parts.OrderByDescending(part => part.Newest)];
        }

        List<(double? Value, long Id)> places = [];
        List<long> ids = [];
        foreach (var part in parts)
        {
            // Parts overlap in time a little, as records are written when they end.
            if (byTime && places.Count == filter.Limit && (query.Ascending ? part.Oldest > places[^1].Value : part.Newest < places[^1].Value))
            {
                break;
            }

            if (byTime && filter.AfterValue is { } after && (query.Ascending ? part.Newest < after : part.Oldest > after))
            {
                continue;
            }

            if (!part.Indexed)
            {
                places = Best(connection, filter, query, places, SqliteTextIndex.Records(part));
                continue;
            }

            // The few of a rare text are looked at together.
            ids.AddRange(SqliteTextIndex.Positions(connection, filter, part));
            if (ids.Count >= filter.Limit)
            {
                places = Best(connection, filter, query, places, SqliteCandidates.Of(ids));
                ids.Clear();
            }
        }

        return [.. Best(connection, filter, query, places, SqliteCandidates.Of(ids)).Select(place => place.Id)];
    }

    /// <summary>The first places of a page among those found and some candidates.</summary>
    private static List<(double? Value, long Id)> Best(
        SqliteConnection connection, SqliteFilter filter, RequestQuery query, List<(double? Value, long Id)> found, SqliteCandidates candidates)
    {
        using var command = SqliteSchema.Command(connection, SqliteQueries.Places(filter, candidates, query.Order, query.Ascending));
        filter.AddTo(command, candidates);
        using var reader = command.ExecuteReader();
        List<(double? Value, long Id)> places = [.. found];
        while (reader.Read())
        {
            places.Add((reader.IsDBNull(1) ? null : reader.GetDouble(1), reader.GetInt64(0)));
        }

        var sorted = places.OrderBy(place => place.Value is null);
        sorted = query.Ascending ? sorted.ThenBy(place => place.Value) : sorted.ThenByDescending(place => place.Value);
        return [.. sorted.ThenByDescending(place => place.Id).Take(filter.Limit)];
    }

    private static List<SqliteRow> Rows(SqliteConnection connection, SqliteTransaction transaction, List<long> ids)
    {
        var found = connection.Query<SqliteRow>(SqliteQueries.FindMany, new SqliteIds { Ids = SqliteIds.Json(ids) }, transaction).ToDictionary(row => row.Id);
        return [.. ids.Select(id => found[id])];
    }

    private static double? ValueOf(RequestRecord record, RequestOrder order) => order switch
    {
        RequestOrder.Time => SqliteRow.Micros(record.Timestamp),
        RequestOrder.Latency => record.Latency.TotalMicroseconds,
        RequestOrder.TimeToFirstToken => record.TimeToFirstToken?.TotalMicroseconds,
        RequestOrder.InputTokens => record.InputTokens,
        RequestOrder.OutputTokens => record.OutputTokens,
        _ => record.TokensPerSecond,
    };
}

/// <summary>Positions as the parameter of a statement.</summary>
internal sealed class SqliteIds
{
    public required string Ids { get; init; }

    public static string Json(IEnumerable<long> ids) => $"[{string.Join(',', ids)}]";
}

/// <summary>A position as the parameter of a statement.</summary>
internal sealed class SqliteId
{
    public long Id { get; set; }
}

/// <summary>The answer of <see cref="SqliteQueries.Stats"/>.</summary>
internal sealed class SqliteStats
{
    public long Total { get; set; }

    public long? Oldest { get; set; }

    public long? Newest { get; set; }
}
