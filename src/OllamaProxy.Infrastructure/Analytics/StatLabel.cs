using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>
/// A label of the hourly sums. <see cref="All"/> is their only declaration: the columns of the sums and the groups of the statistics follow. The client is not
/// a label, because it would multiply the combinations.
/// </summary>
/// <param name="Field">The field of a record.</param>
/// <param name="Dimension">The groups it makes; null when it only filters.</param>
/// <param name="Of">Its value in a record, as text.</param>
internal sealed record StatLabel(RecordField Field, StatDimension? Dimension, Func<RequestRecord, string?> Of)
{
    public static IReadOnlyList<StatLabel> All { get; } =
    [
        new(RecordFields.Model, StatDimension.Model, static record => record.Model),
        new(RecordFields.Endpoint, StatDimension.Endpoint, static record => record.Endpoint.Label),
        new(RecordFields.Category, StatDimension.Category, static record => record.Category.Label()),
        new(RecordFields.Application, StatDimension.Application, static record => record.Application),
        new(RecordFields.Backend, StatDimension.Backend, static record => record.Backend),
        new(RecordFields.Proxy, StatDimension.Proxy, static record => record.Proxy),
        new(RecordFields.Outcome, StatDimension.Outcome, static record => record.Outcome.Name()),
        new(RecordFields.Status, null, static record => record.Status),
        new(RecordFields.IsInference, null, static record => record.IsInference ? "1" : "0"),
    ];

    /// <summary>The columns, separated by commas.</summary>
    public static string Columns { get; } = string.Join(", ", All.Select(label => label.Field.Column));

    /// <summary>The position in <see cref="All"/> of whether a model ran.</summary>
    public static int IsInference { get; } = Array.FindIndex([.. All], label => label.Field == RecordFields.IsInference);

    /// <summary>The columns with their types.</summary>
    public static string Declarations(string number, string text) =>
        string.Join(",\n    ", All.Select(label => $"{label.Field.Column} {(label.Field.Kind == FieldKind.Flag ? number : text)}"));

    /// <summary>Whether the hourly sums know a field.</summary>
    public static bool Has(RecordField field) => All.Any(label => label.Field == field);

    /// <summary>Whether a filter compares a label, other than whether a model ran.</summary>
    public static bool AreIn(RequestFilter filter) => FilterParts.Comparisons(filter with { IsInference = null }).Any(item => Has(item.Part.Field));

    /// <summary>True when the hourly sums cannot answer, because they do not know the single record.</summary>
    public static bool NeedsRows(RequestFilter filter) =>
        (filter.Search, filter.PromptSearch) is not (null or "", null or "")
        || FilterParts.Comparisons(filter).Any(item => item.Part.Field is var field
            && !Has(field) && field != RecordFields.Timestamp && field != RecordFields.ClientIp);

    /// <summary>The position of a dimension in <see cref="All"/>; -1 for the client and the error type, which are not labels of hourly sums.</summary>
    public static int IndexOf(StatDimension dimension) => s_places[(int)dimension];

    private static readonly int[] s_places =
        [.. Enum.GetValues<StatDimension>().Select(dimension => Array.FindIndex([.. All], label => label.Dimension == dimension))];
}
