using System.Text;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Texts of columns that have few different ones: each becomes a string once.</summary>
internal sealed class SqliteTexts
{
    private readonly Dictionary<byte[], string> _known = new(BytesComparer.Instance);

    /// <summary>The text of a column of the row a statement is at; null for none.</summary>
    public string? Of(sqlite3_stmt row, int column)
    {
        var utf8 = raw.sqlite3_column_blob(row, column);
        if (utf8.IsEmpty)
        {
            return raw.sqlite3_column_type(row, column) == raw.SQLITE_NULL ? null : "";
        }

        var known = _known.GetAlternateLookup<ReadOnlySpan<byte>>();
        if (!known.TryGetValue(utf8, out var text))
        {
            _known[utf8.ToArray()] = text = Encoding.UTF8.GetString(utf8);
        }

        return text;
    }
}
