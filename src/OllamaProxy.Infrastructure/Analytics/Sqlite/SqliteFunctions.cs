using System.Buffers;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Functions of ours that SQL calls.</summary>
internal static class SqliteFunctions
{
    /// <summary>The function behind the text search: SQLite's own LIKE knows the case of ASCII letters only, has wildcards, and stops at a zero.</summary>
    public const string Contains = "contains_text";

    /// <summary>Kept alive as long as the program: SQLite holds on to it.</summary>
    private static readonly delegate_function_scalar s_contains = ContainsText;

    public static void AddTo(SqliteConnection connection) =>
        SqliteException.ThrowExceptionForRC(
            raw.sqlite3_create_function(connection.Handle, Contains, 2, raw.SQLITE_UTF8 | raw.SQLITE_DETERMINISTIC, null, s_contains), connection.Handle);

    /// <summary>At the level of bytes and without objects: a search under three characters calls it for every record.</summary>
    private static void ContainsText(sqlite3_context context, object data, sqlite3_value[] arguments)
    {
        var text = raw.sqlite3_value_blob(arguments[0]);
        var search = raw.sqlite3_value_blob(arguments[1]);
        var characters = ArrayPool<char>.Shared.Rent(Encoding.UTF8.GetMaxCharCount(text.Length) + Encoding.UTF8.GetMaxCharCount(search.Length));
        var length = Encoding.UTF8.GetChars(text, characters);
        var searchLength = Encoding.UTF8.GetChars(search, characters.AsSpan(length));
        var found = characters.AsSpan(0, length).Contains(characters.AsSpan(length, searchLength), StringComparison.OrdinalIgnoreCase);
        ArrayPool<char>.Shared.Return(characters);
        raw.sqlite3_result_int(context, found ? 1 : 0);
    }
}
