using Microsoft.Data.Sqlite;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;
using SQLitePCL;

namespace OllamaProxy.StoreTests;

/// <summary>What parts of the text index cost the connection that writes them.</summary>
public sealed class SqliteTextIndexTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-text-");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task Parts_that_were_written_leave_nothing_in_the_connection()
    {
        using (var store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName }))
        {
            await store.OpenAsync(default);
        }

        using var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.FullName, SqliteAnalyticsStore.FileName)};Pooling=False");
        connection.Open();

        var first = StatementsAfter(connection, part: 0);
        int[] others = [.. Enumerable.Range(1, 5).Select(part => StatementsAfter(connection, part))];

        Assert.All(others, statements => Assert.InRange(statements, 0, first));
    }

    private static int StatementsAfter(SqliteConnection connection, int part)
    {
        using (var transaction = connection.BeginTransaction())
        {
            var record = Records.At(part) with { Prompt = "Why is the sky blue?" };
            Assert.True(SqliteTextIndex.Add(connection, [record], (part * SqliteTextIndex.PartSize) + 1));
            transaction.Commit();
        }

        SqliteTextIndex.ReleaseMemory(connection);
        // Of FTS5, which prepares some for each table it has written to.
        var count = 0;
        for (var statement = raw.sqlite3_next_stmt(connection.Handle,
            null); statement is { IsInvalid: false }; statement = raw.sqlite3_next_stmt(connection.Handle, statement))
        {
            count++;
        }

        return count;
    }
}
