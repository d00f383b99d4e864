using System.Buffers;
using System.Text;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>A prepared statement whose parameters are bound by position: ADO.NET finds each by its name, which takes several times as long.</summary>
internal sealed class SqliteStatement : IFieldWriter, IDisposable
{
    /// <summary>Bytes of a text that need no rented buffer.</summary>
    private const int ShortText = 512;

    private readonly SqliteConnection _connection;
    private readonly sqlite3_stmt _statement;
    private int _position;

    /// <param name="connection">The connection. Throws <see cref="SqliteException"/> when the file has another format.</param>
    /// <param name="sql">One statement with <c>?</c> for parameters.</param>
    public SqliteStatement(SqliteConnection connection, string sql)
    {
        _connection = connection;
        Check(raw.sqlite3_prepare_v2(connection.Handle, sql, out _statement));
    }

    /// <summary>The current row, to read columns from.</summary>
    public sqlite3_stmt Row => _statement;

    /// <summary>Runs with the parameters bound since the last run; true when there is a row, which stays until the next parameter is bound.</summary>
    public bool Run()
    {
        _position = 0;
        var result = raw.sqlite3_step(_statement);
        if (result is not (raw.SQLITE_ROW or raw.SQLITE_DONE))
        {
            Check(result);
        }

        return result == raw.SQLITE_ROW;
    }

    public void Bind(long value) => Check(raw.sqlite3_bind_int64(_statement, Next(), value));

    public void Bind(double value) => Check(raw.sqlite3_bind_double(_statement, Next(), value));

    public void Bind(ReadOnlySpan<byte> value) =>
        Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(_statement, Next(), 0) : raw.sqlite3_bind_blob(_statement, Next(), value));

    public void Bind(long? value) => Check(
        value is { } known ? raw.sqlite3_bind_int64(_statement, Next(), known) : raw.sqlite3_bind_null(_statement, Next()));

    public void Bind(double? value) => Check(
        value is { } known ? raw.sqlite3_bind_double(_statement, Next(), known) : raw.sqlite3_bind_null(_statement, Next()));

    public void Bind(string? value)
    {
        if (string.IsNullOrEmpty(value))
        {
            // An empty span has no address, and SQLite takes that for NULL.
            Check(value is null ? raw.sqlite3_bind_null(_statement, Next()) : raw.sqlite3_bind_text(_statement, Next(), ""));
            return;
        }

        var most = Encoding.UTF8.GetMaxByteCount(value.Length);
        var rented = most > ShortText ? ArrayPool<byte>.Shared.Rent(most) : null;
        Span<byte> buffer = rented is null ? stackalloc byte[ShortText] : rented;
        // SQLite makes its own copy.
        Check(raw.sqlite3_bind_text(_statement, Next(), buffer[..Encoding.UTF8.GetBytes(value, buffer)]));
        if (rented is not null)
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    public void Text(RecordField field, string? value) => Bind(value);

    public void Number(RecordField field, long? value) => Bind(value);

    public void Real(RecordField field, double? value) => Bind(value);

    public void Flag(RecordField field, bool? value) => Bind(value is { } flag ? flag ? 1 : 0 : (long?)null);

    public void Duration(RecordField field, TimeSpan? value) => Bind(value is { } duration ? Micros.Of(duration) : (long?)null);

    public void Time(RecordField field, DateTimeOffset value) => Bind(Micros.Of(value));

    public void Dispose() => _statement.Dispose();

    private int Next()
    {
        if (_position == 0)
        {
            // Repeats the error of the last run, which was thrown already.
            _ = raw.sqlite3_reset(_statement);
        }

        return ++_position;
    }

    private void Check(int result) => SqliteException.ThrowExceptionForRC(result, _connection.Handle);
}
