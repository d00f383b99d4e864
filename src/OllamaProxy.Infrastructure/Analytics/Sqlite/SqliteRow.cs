using System.Text;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Reads the records of a statement that selects <see cref="Columns"/>, at the level of SQLite's own calls.</summary>
internal sealed class SqliteRow(sqlite3_stmt row) : IFieldReader
{
    private readonly SqliteTexts _words = new();

    /// <summary>The columns, in the order of the fields.</summary>
    public static string Columns { get; } = string.Join(", ", RecordFields.All.Select(field => field.Column));

    /// <summary>All records of a statement.</summary>
    public static List<RequestRecord> ReadAll(SqliteCommand command)
    {
        List<RequestRecord> records = [];
        using var reader = command.ExecuteReader();
        for (var row = new SqliteRow(reader.Handle!); reader.Read();)
        {
            records.Add(row.Read());
        }

        return records;
    }

    public RequestRecord Read() => RecordFields.Read(this);

    public string? Text(RecordField field)
    {
        if (field.Words.Count > 0)
        {
            return _words.Of(row, field.Index);
        }

        var utf8 = raw.sqlite3_column_blob(row, field.Index);
        return utf8.IsEmpty && IsNull(field) ? null : Encoding.UTF8.GetString(utf8);
    }

    public long? Number(RecordField field) => IsNull(field) ? null : raw.sqlite3_column_int64(row, field.Index);

    public double? Real(RecordField field) => IsNull(field) ? null : raw.sqlite3_column_double(row, field.Index);

    public bool? Flag(RecordField field) => IsNull(field) ? null : raw.sqlite3_column_int64(row, field.Index) != 0;

    public TimeSpan? Duration(RecordField field) => IsNull(field) ? null : Micros.Duration(raw.sqlite3_column_int64(row, field.Index));

    public DateTimeOffset Time(RecordField field) => Micros.Instant(raw.sqlite3_column_int64(row, field.Index));

    private bool IsNull(RecordField field) => raw.sqlite3_column_type(row, field.Index) == raw.SQLITE_NULL;
}
