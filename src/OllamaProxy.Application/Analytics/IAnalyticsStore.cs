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

    /// <summary>Makes the store ready: creates or upgrades what it needs. Throws <see cref="AnalyticsStoreException"/> with a text for a person when it cannot.</summary>
    Task OpenAsync(CancellationToken cancellationToken);

    /// <summary>Writes a batch: all of it, durably, or (with an exception) none of it.</summary>
    Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken);

    /// <summary>Matching records, newest first.</summary>
    IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter, CancellationToken cancellationToken);

    Task<AnalyticsStats> GetStatsAsync(CancellationToken cancellationToken);

    /// <summary>Removes what is older than <paramref name="before"/>; returns how many records went.</summary>
    Task<long> PurgeAsync(DateTimeOffset before, CancellationToken cancellationToken);
}

/// <summary>What only the SQLite store can do.</summary>
public interface ISqliteAnalyticsStore : IAnalyticsStore
{
    /// <summary>The database file.</summary>
    string Path { get; }

    /// <summary>Moves the write-ahead log into the database file.</summary>
    Task CheckpointAsync(CancellationToken cancellationToken);
}

/// <summary>What only the JSON-lines store can do.</summary>
public interface IJsonlAnalyticsStore : IAnalyticsStore
{
    /// <summary>The file that is written to now.</summary>
    string CurrentFile { get; }

    /// <summary>Closes the current file and starts the next.</summary>
    Task RollAsync(CancellationToken cancellationToken);
}

/// <summary>A store that cannot do its work; the message says what to do and is fit for a person.</summary>
public sealed class AnalyticsStoreException(string message, Exception? innerException = null) : Exception(message, innerException);
