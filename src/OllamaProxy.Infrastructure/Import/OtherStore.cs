using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Import;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Jsonl;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.Infrastructure.Import;

/// <summary>The SQLite or JSON-lines store of an ollama-proxy, to be imported.</summary>
public sealed class OtherStore : IDisposable
{
    private readonly IFileStore _store;

    private OtherStore(IFileStore store, string folder) => (_store, Folder) = (store, folder);

    /// <summary>The folder it is in.</summary>
    public string Folder { get; }

    /// <summary>Finds a store in a folder, or of which a file is the database; null for anything else.</summary>
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

    /// <summary>Opens it; returns how many records it has. Throws <see cref="ImportException"/> when it cannot be opened.</summary>
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

    /// <summary>Its records, newest first.</summary>
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
            using var connection = new SqliteConnection(
                new SqliteConnectionStringBuilder { DataSource = database, Mode = SqliteOpenMode.ReadWrite, Pooling = false, DefaultTimeout = 5 }.ToString());
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('requests') WHERE name = 'request_id')";
            return command.ExecuteScalar() is 1L;
        }
        catch (SqliteException exception)
        {
            throw new ImportException($"{database} cannot be read ({exception.Message}). If a proxy uses it, stop it first.", exception);
        }
    }
}
