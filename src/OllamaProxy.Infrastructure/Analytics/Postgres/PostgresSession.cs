using Npgsql;
using NpgsqlTypes;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>One transaction. Without <see cref="CommitAsync"/> nothing of it stays.</summary>
/// <param name="connection">Its connection.</param>
/// <param name="transaction">Its transaction.</param>
/// <param name="places">The semaphore that it releases at its end; null for none.</param>
internal sealed class PostgresSession(NpgsqlConnection connection, NpgsqlTransaction transaction, SemaphoreSlim? places = null) : IAsyncDisposable
{
    /// <summary>Seconds that each statement may take; 0 for no limit.</summary>
    public int CommandTimeout { get; set; }

    /// <summary>A statement with positional parameters ($1, $2, ...).</summary>
    public NpgsqlCommand Command(string sql, IEnumerable<object> values)
    {
#pragma warning disable CA2100 // SQL is made of fixed texts; values are parameters.
        var command = new NpgsqlCommand(sql, connection, transaction) { CommandTimeout = CommandTimeout };
#pragma warning restore CA2100
        foreach (var value in values)
        {
            command.Parameters.Add(Parameter(value));
        }

        return command;
    }

    /// <summary>Runs a statement; returns how many rows it changed.</summary>
    public async Task<int> RunAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteNonQueryAsync(cancellationToken).OnPoolAsync();
    }

    /// <summary>The first value of a statement; null for NULL or no row.</summary>
    public async Task<object?> AskAsync(string sql, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(sql, values);
        return await command.ExecuteScalarAsync(cancellationToken).OnPoolAsync() is { } value and not DBNull ? value : null;
    }

    /// <summary>The rows of a statement.</summary>
    public async Task<List<T>> ListAsync<T>(string sql, IEnumerable<object> values, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        List<T> rows = [];
        await EachAsync(sql, values, row => rows.Add(read(row)), cancellationToken);
        return rows;
    }

    /// <summary>Calls for each row of a statement.</summary>
    public async Task EachAsync(string sql, IEnumerable<object> values, Action<NpgsqlDataReader> read, CancellationToken cancellationToken)
    {
        await using var command = Command(sql, values);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken).OnPoolAsync();
        while (await reader.ReadAsync(cancellationToken).OnPoolAsync())
        {
            read(reader);
        }
    }

    /// <summary>Writes rows into a table.</summary>
    /// <param name="table">The table.</param>
    /// <param name="columns">Its columns, separated by commas.</param>
    /// <param name="rows">Writes the rows.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task CopyAsync(string table, string columns, Func<PostgresCopy, Task> rows, CancellationToken cancellationToken)
    {
        var stream = await connection.BeginRawBinaryCopyAsync($"COPY {table} ({columns}) FROM STDIN (FORMAT BINARY)", cancellationToken).OnPoolAsync();
        try
        {
            var copy = new PostgresCopy(stream);
            await rows(copy);
            await copy.EndAsync(cancellationToken);
        }
        finally
        {
            // The server checks the rows at the end.
            await stream.DisposeAsync().OnPoolAsync();
        }
    }

    public Task CommitAsync(CancellationToken cancellationToken) => transaction.CommitAsync(cancellationToken).OnPoolAsync();

    public async ValueTask DisposeAsync()
    {
        try
        {
            await transaction.DisposeAsync().OnPoolAsync();
        }
        // The connection is broken, so the server has ended the transaction or will.
        catch (NpgsqlException)
        {
        }
        finally
        {
            await connection.DisposeAsync();
            places?.Release();
        }
    }

    private static NpgsqlParameter Parameter(object value) => value is string?[]
        ? new NpgsqlParameter { Value = value, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text }
        : new NpgsqlParameter { Value = value };
}
