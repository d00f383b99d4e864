using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>
/// A label by which the hourly sums are kept. <see cref="All"/> is their only declaration: the columns of the rollups and the groups of the statistics follow.
/// The client is not one of them: it would multiply the combinations.
/// </summary>
/// <param name="Column">The column of a record and of the table of labels.</param>
/// <param name="Type">Its type in SQL.</param>
/// <param name="Dimension">The groups it makes; null when it only filters.</param>
/// <param name="Of">Its value in a record, as text.</param>
internal sealed record StatLabel(string Column, string Type, StatDimension? Dimension, Func<RequestRecord, string?> Of)
{
    public static IReadOnlyList<StatLabel> All { get; } =
    [
        new("model", "TEXT", StatDimension.Model, static record => record.Model),
        new("endpoint", "TEXT", StatDimension.Endpoint, static record => record.Endpoint),
        new("category", "TEXT", StatDimension.Category, static record => record.Category),
        new("application", "TEXT", StatDimension.Application, static record => record.Application),
        new("backend", "TEXT", StatDimension.Backend, static record => record.Backend),
        new("proxy", "TEXT", StatDimension.Proxy, static record => record.Proxy),
        new("outcome", "TEXT", StatDimension.Outcome, static record => record.Outcome),
        new("status", "TEXT", null, static record => record.Status),
        new("is_inference", "INTEGER", null, static record => record.IsInference ? "1" : "0"),
    ];

    /// <summary>The columns, separated by commas.</summary>
    public static string Columns { get; } = string.Join(", ", All.Select(label => label.Column));

    /// <summary>The place of a dimension in <see cref="All"/>; -1 for the client and the error type, which are not labels of hourly sums.</summary>
    public static int IndexOf(StatDimension dimension) => s_places[(int)dimension];

    private static readonly int[] s_places =
        [.. Enum.GetValues<StatDimension>().Select(dimension => Array.FindIndex([.. All], label => label.Dimension == dimension))];
}
