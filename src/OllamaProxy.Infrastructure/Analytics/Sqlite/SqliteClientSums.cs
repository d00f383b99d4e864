using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Reads the sums of clients one by one, at the level of SQLite's own calls, as there may be very many.</summary>
internal sealed class SqliteClientSums(SqliteConnection connection) : IDisposable
{
    private sqlite3_stmt? _statement;

    /// <summary>The sums of a client, until the next one's are read. Throws <see cref="FormatException"/> when there are none.</summary>
    public ReadOnlySpan<byte> Read(long id)
    {
        if (_statement is null)
        {
            Check(raw.sqlite3_prepare_v2(connection.Handle, "SELECT sums FROM client_sums WHERE id = ?", out _statement));
        }

        // What the last reading ended with was told then.
        raw.sqlite3_reset(_statement);
        Check(raw.sqlite3_bind_int64(_statement, 1, id));
        var code = raw.sqlite3_step(_statement);
        if (code == raw.SQLITE_DONE)
        {
            throw HourPack.Refused();
        }

        Check(code);
        return raw.sqlite3_column_blob(_statement, 0);
    }

    public void Dispose() => _statement?.Dispose();

    private void Check(int code)
    {
        // A row is no failure to SQLite's caller, and there may be very many.
        if (code != raw.SQLITE_ROW)
        {
            SqliteException.ThrowExceptionForRC(code, connection.Handle);
        }
    }
}
