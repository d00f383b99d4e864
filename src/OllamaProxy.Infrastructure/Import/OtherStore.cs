using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Import;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Jsonl;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.Infrastructure.Import;

/// <summary>The SQLite or JSON Lines store of another ollama-proxy, to be imported.</summary>
public sealed class OtherStore : IDisposable
{
    private readonly IFileStore _store;

    private OtherStore(IFileStore store, string folder) => (_store, Folder) = (store, folder);

    /// <summary>The store's folder.</summary>
    public string Folder { get; }

    /// <summary>Finds the store in a folder, or the one whose database is this file; null otherwise.</summary>
    public static OtherStore? Find(string path)
    {
        var isFolder = Directory.Exists(path);
        var folder = isFolder ? Path.GetFullPath(path) : Path.GetDirectoryName(Path.GetFullPath(path))!;
        var options = new AnalyticsOptions { Directory = folder };
        var database = Path.Combine(folder, SqliteAnalyticsStore.FileName);
        if ((isFolder || Path.GetFullPath(path) == database) && HasRecords(database))
        {
            return new OtherStore(new SqliteAnalyticsStore(options), folder);
        }

        return isFolder && Directory.EnumerateFiles(folder, "requests-*.jsonl*").Any()
            ? new OtherStore(new JsonlAnalyticsStore(options, TimeProvider.System), folder)
            : null;
    }

    /// <summary>Opens the store and returns its number of records. Throws <see cref="ImportException"/> on failure.</summary>
    public async Task<long> OpenAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _store.OpenAsync(cancellationToken);
            return (await _store.DescribeAsync(cancellationToken)).TotalRecords;
        }
        catch (AnalyticsStoreException exception)
        {
            throw new ImportException(exception.Message, exception);
        }
    }

    public IAsyncEnumerable<RequestRecord> ReadAsync(CancellationToken cancellationToken) => _store.ReadAsync(RequestFilter.Everything, cancellationToken);

    public void Dispose() => _store.Dispose();

    private static bool HasRecords(string database)
    {
        if (!File.Exists(database))
        {
            return false;
        }

        try
        {
            using var connection = OriginalDatabase.Connect(database, 5);
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('requests') WHERE name = 'request_id')";
            return command.ExecuteScalar() is 1L;
        }
        catch (SqliteException exception)
        {
            throw new ImportException($"{database} cannot be read ({exception.Message}). If a proxy uses it, stop that proxy first.", exception);
        }
    }
}
