using System.Text;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Texts of columns that have few different ones: each becomes a string once.</summary>
internal sealed class SqliteTexts
{
    /// <summary>Longer texts are no labels, and get a string each.</summary>
    private const int MaxLength = 256;

    private readonly HashSet<string> _known = new(StringComparer.Ordinal);

    /// <summary>The text of a column of the current row; null for NULL.</summary>
    public string? Of(sqlite3_stmt row, int column)
    {
        var utf8 = raw.sqlite3_column_blob(row, column);
        if (utf8.IsEmpty)
        {
            return raw.sqlite3_column_type(row, column) == raw.SQLITE_NULL ? null : "";
        }

        if (utf8.Length > MaxLength)
        {
            return Encoding.UTF8.GetString(utf8);
        }

        Span<char> buffer = stackalloc char[MaxLength];
        var text = buffer[..Encoding.UTF8.GetChars(utf8, buffer)];
        var known = _known.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!known.TryGetValue(text, out var same))
        {
            _known.Add(same = text.ToString());
        }

        return same;
    }
}
