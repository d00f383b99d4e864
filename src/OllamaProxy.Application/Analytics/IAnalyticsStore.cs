using OllamaProxy.Domain;

namespace OllamaProxy.Application.Analytics;

/// <summary>
/// Where <see cref="RequestRecord"/>s live. Writing has one caller, the recording worker; reading may happen at any time beside it and never blocks it.
/// </summary>
public interface IAnalyticsStore
{
    /// <summary>The word that selects it in <c>ANALYTICS_BACKEND</c>.</summary>
    string Backend { get; }

    /// <summary>False for a store that keeps nothing, so that the API can say it is off instead of answering with emptiness.</summary>
    bool Remembers { get; }

    /// <summary>
    /// Makes the store ready: creates or upgrades what it needs. Throws <see cref="AnalyticsStoreException"/> with a text for a person when it cannot.
    /// </summary>
    Task OpenAsync(CancellationToken cancellationToken);

    /// <summary>Writes a batch: all of it, durably, or (with an exception) none of it.</summary>
    Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken);

    /// <summary>Matching records, newest first, one after the other: never all in memory.</summary>
    IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, CancellationToken cancellationToken);

    /// <summary>The <c>request_id</c> of each matching record.</summary>
    Task<IReadOnlySet<string>> RequestIdsAsync(RequestFilter filter, CancellationToken cancellationToken);

    /// <summary>One page of matching records in an order.</summary>
    Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken);

    /// <summary>The record with this position, or null.</summary>
    Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken);

    /// <summary>The models that occur, in alphabetical order.</summary>
    Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken);

    Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken);

    Task<StoreInfo> DescribeAsync(CancellationToken cancellationToken);

    /// <summary>Removes every matching record for good; returns how many. Works in small pieces, so that the writer never waits long.</summary>
    Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken);

    /// <summary>Removes one record for good; false when there is none.</summary>
    Task<bool> DeleteAsync(long id, CancellationToken cancellationToken);

    /// <summary>Applies the rules of retention in small pieces; the file shrinks again.</summary>
    Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken);
}

/// <summary>The rules of retention.</summary>
/// <param name="RecordsBefore">Older records are removed; null keeps them.</param>
/// <param name="TextBefore">Texts of older records are removed (prompt, system, response, thinking, tool calls); null keeps them.</param>
/// <param name="MaxBytes">The oldest records are removed until the store is not larger; null for any size.</param>
public sealed record RetentionRules(DateTimeOffset? RecordsBefore, DateTimeOffset? TextBefore, long? MaxBytes);

/// <param name="Records">Records removed.</param>
/// <param name="Texts">Records whose texts were removed.</param>
public sealed record RetentionResult(long Records, long Texts);

/// <summary>The operations that only the SQLite store has.</summary>
public interface ISqliteAnalyticsStore : IAnalyticsStore
{
    /// <summary>The database file.</summary>
    string Path { get; }

    /// <summary>The new path of the original program's database, which was in its place when it was opened; null when there was none.</summary>
    string? MovedAside { get; }

    /// <summary>Moves the write-ahead log into the database file.</summary>
    Task CheckpointAsync(CancellationToken cancellationToken);
}

/// <summary>The operations that only the JSON-lines store has.</summary>
public interface IJsonlAnalyticsStore : IAnalyticsStore
{
    /// <summary>The file that is written to now.</summary>
    string CurrentFile { get; }

    /// <summary>Closes the current file and starts the next.</summary>
    Task RollAsync(CancellationToken cancellationToken);
}

/// <summary>A store that cannot do its work; the message says what to do and is fit for a person.</summary>
public sealed class AnalyticsStoreException(string message, Exception? innerException = null) : Exception(message, innerException);
