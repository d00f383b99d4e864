using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace OllamaProxy.Infrastructure.Analytics.Sqlite;

/// <summary>Reads parts of the blobs of a column: some pages where the whole would be a hundred.</summary>
internal sealed class SqliteBlobReader(SqliteConnection connection, string table, string column) : IDisposable
{
    private sqlite3_blob? _blob;
    private long? _row;
    private byte[] _part = new byte[4096];

    /// <summary>A part of a row's blob, until the next one is read. Throws <see cref="FormatException"/> when the blob does not reach that far, or is none.</summary>
    public ReadOnlySpan<byte> Read(long row, long offset, long length)
    {
        var blob = Open(row);
        if (offset < 0 || length < 0 || length > raw.sqlite3_blob_bytes(blob) - offset)
        {
            throw new FormatException("A blob has no such part.");
        }

        if (_part.Length < length)
        {
            _part = new byte[length * 2];
        }

        var part = _part.AsSpan(0, (int)length);
        Check(raw.sqlite3_blob_read(blob, part, (int)offset));
        return part;
    }

    public void Dispose() => _blob?.Dispose();

    private sqlite3_blob Open(long row)
    {
        if (_blob is null)
        {
            Check(raw.sqlite3_blob_open(connection.Handle, "main", table, column, row, 0, out _blob));
        }
        else if (_row != row)
        {
            _row = null;
            Check(raw.sqlite3_blob_reopen(_blob, row));
        }

        _row = row;
        return _blob;
    }

    private void Check(int code)
    {
        // Of a value that is no blob.
        if (code == raw.SQLITE_ERROR)
        {
            throw new FormatException(raw.sqlite3_errmsg(connection.Handle).utf8_to_string());
        }

        SqliteException.ThrowExceptionForRC(code, connection.Handle);
    }
}
