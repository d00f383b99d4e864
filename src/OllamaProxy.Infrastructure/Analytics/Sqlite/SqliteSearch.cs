using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Finds pages of records, on a reader's connection.</summary>
internal static class SqliteSearch
{
    /// <summary>
    /// A text that occurs more often than once in so many records of the newest part is found faster by reading the records in order than by sorting all its
    /// candidates.
    /// </summary>
    private const int Frequent = 100;

    public static RequestPage Page(SqliteConnection connection, RequestQuery query)
    {
        // One snapshot for all statements: parts of the text index are dropped and rebuilt meanwhile.
        using var transaction = connection.BeginTransaction(deferred: true);
        var records = PlacesByText(connection, query) is { } places ? Find(connection, places) : InOrder(connection, query);
        return SqlFilter.PageOf(records, query);
    }

    private static List<RequestRecord> InOrder(SqliteConnection connection, RequestQuery query)
    {
        // One more than asked for says whether there is a next page.
        var limit = query.Limit + 1;
        var records = query.After is { Value: null } ? [] : Read(filter => SqliteQueries.Page(filter, query, limit));
        if (records.Count < limit && !RecordFields.Of(query.Order).IsRequired)
        {
            records.AddRange(Read(filter => SqliteQueries.PageOfUnknown(filter, query, limit - records.Count)));
        }

        return records;

        List<RequestRecord> Read(Func<SqliteFilter, string> sqlOf)
        {
            var filter = new SqliteFilter(query.Filter);
            using var command = filter.Command(connection, sqlOf(filter));
            return SqliteRow.ReadAll(command);
        }
    }

    /// <summary>The positions of a page by way of the text index; null when reading the records in order is better.</summary>
    private static List<long>? PlacesByText(SqliteConnection connection, RequestQuery query)
    {
        var filter = new SqliteFilter(query.Filter);
        if (filter.Match is null)
        {
            return null;
        }

        var (parts, limit, byTime) = (SqliteTextIndex.Parts(connection, filter), query.Limit + 1, query.Order == RequestOrder.Time);
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
            if (byTime && places.Count == limit && (query.Ascending ? part.Oldest > places[^1].Value : part.Newest < places[^1].Value))
            {
                break;
            }

            if (byTime && query.After?.Value is { } after && (query.Ascending ? part.Newest < after : part.Oldest > after))
            {
                continue;
            }

            if (!part.Indexed)
            {
                places = Best(connection, query, places, SqliteTextIndex.Records(part));
                continue;
            }

            // The few candidates of a rare text are read together.
            ids.AddRange(SqliteTextIndex.Positions(connection, filter, part));
            if (ids.Count >= limit)
            {
                places = Best(connection, query, places, SqliteCandidates.Of(ids));
                ids.Clear();
            }
        }

        return [.. Best(connection, query, places, SqliteCandidates.Of(ids)).Select(place => place.Id)];
    }

    /// <summary>The first places of a page among those found and some candidates.</summary>
    private static List<(double? Value, long Id)> Best(
        SqliteConnection connection, RequestQuery query, List<(double? Value, long Id)> found, SqliteCandidates candidates)
    {
        var filter = new SqliteFilter(query.Filter);
        using var command = filter.Command(connection, SqliteQueries.Places(filter, candidates, query), candidates);
        using var reader = command.ExecuteReader();
        List<(double? Value, long Id)> places = [.. found];
        while (reader.Read())
        {
            places.Add((reader.IsDBNull(1) ? null : reader.GetDouble(1), reader.GetInt64(0)));
        }

        var sorted = places.OrderBy(place => place.Value is null);
        sorted = query.Ascending ? sorted.ThenBy(place => place.Value) : sorted.ThenByDescending(place => place.Value);
        return [.. sorted.ThenByDescending(place => place.Id).Take(query.Limit + 1)];
    }

    private static List<RequestRecord> Find(SqliteConnection connection, List<long> ids)
    {
        using var command = SqliteSchema.Command(connection, SqliteQueries.FindMany);
        command.Parameters.AddWithValue("@Ids", SqliteIds.Json(ids));
        var found = SqliteRow.ReadAll(command).ToDictionary(record => record.Id);
        return [.. ids.Select(id => found[id])];
    }
}

/// <summary>Positions as the parameter of a statement.</summary>
internal static class SqliteIds
{
    public static string Json(IEnumerable<long> ids) => $"[{string.Join(',', ids)}]";
}

/// <summary>The result of <see cref="SqliteQueries.Stats"/>.</summary>
internal sealed class SqliteStats
{
    public long Total { get; set; }

    public long? Oldest { get; set; }

    public long? Newest { get; set; }
}
