using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>The columns of the fields of a record, which are in two tables.</summary>
internal static class PostgresColumns
{
    /// <summary>The fields in <c>requests</c>, behind its <c>id</c>.</summary>
    public static IReadOnlyList<RecordField> OfRequests { get; } = [.. RecordFields.Stored.Except(RecordFields.Texts)];

    public static string NameOf(RecordField field) => field == RecordFields.Timestamp ? "time" : field.Column;

    /// <summary>The names of columns, separated by commas.</summary>
    public static string Names(IEnumerable<RecordField> fields) => string.Join(", ", fields.Select(NameOf));

    /// <summary>Their declarations.</summary>
    public static string Declarations(IEnumerable<RecordField> fields) =>
        string.Join(",\n    ", fields.Select(field => $"{NameOf(field)} {TypeOf(field)}{(field.IsRequired ? " NOT NULL" : "")}"));

    private static string TypeOf(RecordField field) => field.Kind switch
    {
        FieldKind.Text => "text",
        FieldKind.Number => "integer",
        FieldKind.Real => "double precision",
        FieldKind.Time => "timestamptz",
        // A number, so that sums can be kept by it as by any other label.
        FieldKind.Flag => field == RecordFields.IsInference ? "smallint" : "boolean",
        _ => "bigint",
    };
}
