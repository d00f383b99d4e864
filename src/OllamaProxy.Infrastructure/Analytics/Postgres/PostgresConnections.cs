using System.Data;
using System.Globalization;
using Npgsql;
using OllamaProxy.Application.Analytics;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>
/// Connections to the database. Everything runs in transactions of its own and leaves nothing in a session, so PgBouncer may give each transaction another
/// session (<c>pool_mode = transaction</c>).
/// </summary>
internal sealed class PostgresConnections : IDisposable
{
    /// <summary>Limits each statement of a query, so that one user cannot block the server for all others.</summary>
    public static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(30);

    /// <summary>Connections for what writes: a batch, what waited on disk, and upkeep.</summary>
    private const int Writers = 3;

    private readonly NpgsqlDataSource _source;

    /// <summary>Fewer than the connections, so that exports never keep the writer from one.</summary>
    private readonly SemaphoreSlim _readers;

    public PostgresConnections(PostgresDatabase database)
    {
        Name = database.Name;
        var builder = new NpgsqlSlimDataSourceBuilder(database.ConnectionString);
        builder.EnableArrays();
        builder.EnableTransportSecurity();
        _source = builder.Build();
        _readers = new SemaphoreSlim(Math.Max(1, builder.ConnectionStringBuilder.MaxPoolSize - Writers));
    }

    /// <summary><see cref="PostgresDatabase.Name"/>.</summary>
    public string Name { get; }

    /// <summary>Reads in one snapshot. Throws <see cref="AnalyticsStoreException"/> when the server does not answer, or not in time.</summary>
    public async Task<T> ReadAsync<T>(Func<PostgresSession, Task<T>> read, CancellationToken cancellationToken)
    {
        return await ExplainedAsync(RunAsync(), cancellationToken);

        async ValueTask<T> RunAsync()
        {
            await using var session = await OpenReaderAsync(AnswerLimit, cancellationToken);
            return await read(session);
        }
    }

    /// <summary>Awaits something that the server does. Throws <see cref="AnalyticsStoreException"/> instead of the errors of Npgsql.</summary>
    public async ValueTask<T> ExplainedAsync<T>(ValueTask<T> work, CancellationToken cancellationToken)
    {
        try
        {
            return await work;
        }
        catch (NpgsqlException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw Explain(exception);
        }
    }

    /// <summary>A session that reads one snapshot and changes nothing.</summary>
    /// <param name="limit">The longest time of one statement; null for any.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async ValueTask<PostgresSession> OpenReaderAsync(TimeSpan? limit, CancellationToken cancellationToken)
    {
        await _readers.WaitAsync(cancellationToken);
        PostgresSession session;
        try
        {
            session = await OpenAsync(IsolationLevel.RepeatableRead, cancellationToken, _readers);
        }
        catch
        {
            _readers.Release();
            throw;
        }

        var milliseconds = (limit?.TotalMilliseconds ?? 0).ToString(CultureInfo.InvariantCulture);
        // Compiling a query that touches many partitions takes longer than running it.
        const string Settings =
            "SELECT set_config('statement_timeout', $1, true), set_config('transaction_read_only', 'on', true), set_config('jit', 'off', true)";
        try
        {
            await session.RunAsync(Settings, cancellationToken, milliseconds);
            return session;
        }
        catch
        {
            await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>Changes something in one transaction.</summary>
    public async Task<T> ChangeAsync<T>(Func<PostgresSession, Task<T>> change, CancellationToken cancellationToken)
    {
        return await ExplainedAsync(RunAsync(), cancellationToken);

        async ValueTask<T> RunAsync()
        {
            await using var session = await OpenAsync(IsolationLevel.ReadCommitted, cancellationToken);
            var result = await change(session);
            await session.CommitAsync(cancellationToken);
            return result;
        }
    }

    /// <summary>Runs a statement that no transaction may contain.</summary>
    public async Task RunAloneAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = await _source.OpenConnectionAsync(cancellationToken).OnPoolAsync();
#pragma warning disable CA2100 // SQL is made of fixed texts.
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
#pragma warning restore CA2100
        await command.ExecuteNonQueryAsync(cancellationToken).OnPoolAsync();
    }

    /// <summary>A session whose transaction is the caller's to commit.</summary>
    /// <param name="isolation">What it sees of others.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <param name="places">The semaphore that the session releases at its end; null for none.</param>
    public async Task<PostgresSession> OpenAsync(IsolationLevel isolation, CancellationToken cancellationToken, SemaphoreSlim? places = null)
    {
        var connection = await _source.OpenConnectionAsync(cancellationToken).OnPoolAsync();
        try
        {
            return new PostgresSession(connection, await connection.BeginTransactionAsync(isolation, cancellationToken), places);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>What happened and what to do, for a person. Npgsql's messages name host, database and user, never a password.</summary>
    public AnalyticsStoreException Explain(NpgsqlException exception) => new(
        exception switch
        {
            PostgresException { SqlState: PostgresErrorCodes.QueryCanceled } =>
                $"{Name} did not finish within {AnswerLimit.TotalSeconds} s. Narrow the question: a shorter range of time, or a model or client.",
            PostgresException { SqlState: PostgresErrorCodes.InvalidPassword or PostgresErrorCodes.InvalidAuthorizationSpecification } =>
                $"{Name} refuses the login ({Reason(exception)}). Correct ANALYTICS_DATABASE_URL.",
            PostgresException { SqlState: PostgresErrorCodes.InvalidCatalogName } =>
                $"{Name} does not exist. Create the database, or correct ANALYTICS_DATABASE_URL.",
            PostgresException { SqlState: PostgresErrorCodes.InsufficientPrivilege } =>
                $"{Name} does not let this user create the tables ({Reason(exception)}). "
                + $"Run CREATE SCHEMA {PostgresSchema.Name} AUTHORIZATION for the user of ANALYTICS_DATABASE_URL.",
            PostgresException { SqlState: PostgresErrorCodes.DiskFull } => $"the disk of {Name} is full. Free space on the server.",
            PostgresException { SqlState: PostgresErrorCodes.ReadOnlySqlTransaction } =>
                $"{Name} is read-only: a standby, or a server that protects itself. Name the primary in ANALYTICS_DATABASE_URL.",
            PostgresException { SqlState: PostgresErrorCodes.CannotConnectNow or PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown } =>
                $"{Name} does not answer ({Reason(exception)}).",
            PostgresException => $"{Name} reports an error ({Reason(exception)}).",
            _ => $"{Name} does not answer ({Reason(exception)}). Start the server, or correct ANALYTICS_DATABASE_URL.",
        },
        exception);

    public void Dispose() => _source.Dispose();

    private static string Reason(Exception exception) => exception switch
    {
        // Its message has more lines.
        PostgresException error => error.MessageText,
        { InnerException: { } inner } => $"{exception.Message.TrimEnd('.')}: {inner.Message}",
        _ => exception.Message,
    };
}
