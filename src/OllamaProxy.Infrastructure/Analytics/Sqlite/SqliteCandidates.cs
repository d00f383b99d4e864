using System.Globalization;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>The records among which a statement looks. Where they are known by position, that is the way in, and no index by something else.</summary>
/// <param name="Table">What stands behind FROM.</param>
/// <param name="Condition">The first condition behind WHERE.</param>
/// <param name="Ids">The parameter <c>@Ids</c>, if the condition has it.</param>
internal readonly record struct SqliteCandidates(string Table, string Condition, string? Ids)
{
    private const string ByPosition = "requests NOT INDEXED";

    public static SqliteCandidates All { get; } = new("requests", "1 = 1", null);

    public static SqliteCandidates After(long id) => new(ByPosition, string.Create(CultureInfo.InvariantCulture, $"id > {id}"), null);

    public static SqliteCandidates Between(long first, long last) =>
        new(ByPosition, string.Create(CultureInfo.InvariantCulture, $"id BETWEEN {first} AND {last}"), null);

    public static SqliteCandidates Of(IEnumerable<long> ids) => new(ByPosition, "id IN (SELECT value FROM json_each(@Ids))", SqliteIds.Json(ids));
}
