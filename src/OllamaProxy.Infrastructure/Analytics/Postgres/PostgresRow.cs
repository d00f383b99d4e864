using Npgsql;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Reads the records of a statement that selects <see cref="Columns"/>.</summary>
internal sealed class PostgresRow(NpgsqlDataReader row) : IFieldReader
{
    /// <summary>The columns of a request <c>r</c> and its texts <c>t</c>, in the order of the fields.</summary>
    public static string Columns { get; } =
        string.Join(", ", RecordFields.All.Select(field => $"{(RecordFields.Texts.Contains(field) ? 't' : 'r')}.{PostgresColumns.NameOf(field)}"));

    public static RequestRecord Read(NpgsqlDataReader row) => RecordFields.Read(new PostgresRow(row));

    public string? Text(RecordField field) => row.IsDBNull(field.Index) ? null : row.GetString(field.Index);

    public long? Number(RecordField field) =>
        row.IsDBNull(field.Index) ? null : field.Kind == FieldKind.Number ? row.GetInt32(field.Index) : row.GetInt64(field.Index);

    public double? Real(RecordField field) => row.IsDBNull(field.Index) ? null : row.GetDouble(field.Index);

    public bool? Flag(RecordField field) => row.IsDBNull(field.Index) ? null
        : field == RecordFields.IsInference ? row.GetInt16(field.Index) != 0
        : row.GetBoolean(field.Index);

    public TimeSpan? Duration(RecordField field) => row.IsDBNull(field.Index) ? null : Micros.Duration(row.GetInt64(field.Index));

    public DateTimeOffset Time(RecordField field) => PostgresTime.Instant(row.GetDateTime(field.Index));
}
