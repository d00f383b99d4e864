using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.StoreTests;

/// <summary>Files of older versions open, and nothing in them is lost.</summary>
public sealed class SqliteMigrationTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-migration-");

    [Fact]
    public void What_was_released_is_never_changed()
    {
        string[] released = ["A739A0A9"];

        Assert.Equal(released, SqliteMigrations.All.Take(released.Length).Select(sql => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(sql.ReplaceLineEndings("\n"))))[..8]));
    }

    [Fact]
    public async Task A_file_of_the_first_version_opens_with_everything_in_it_searchable_and_counted()
    {
        // More than one part of the text index, and several hours.
        const int Count = 9_000;
        Write(
            SqliteMigrations.All[0],
            $"""
            WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {Count})
            INSERT INTO requests (request_id, timestamp_us, model, endpoint, method, category, prompt, response, latency_us, input_tokens, tokens_estimated,
                                  status, outcome, client_ip, request_bytes, response_bytes, is_inference)
            SELECT printf('%032x', n), 1790000000000000 + n * 2000000, CASE n % 3 WHEN 0 THEN 'phi4:latest' ELSE 'llama3:8b' END, 'chat', 'POST', 'other',
                   'Question ' || n, CASE n % 1000 WHEN 7 THEN 'Grüße' END, n * 1000, n % 50, 0, 'success', 'completed', '10.0.0.' || (n % 9), n, n, 1 FROM numbers
            """,
            "PRAGMA user_version = 1");

        using var store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName });
        await store.OpenAsync(default);
        // While the text index and the sums are being made, and after.
        await AssertAllThereAsync(store);
        await store.Upkeep();
        await AssertAllThereAsync(store);

        Assert.Equal(0L, Ask("SELECT COUNT(*) FROM hours WHERE state = 0"));
        Assert.Equal(0L, Ask("SELECT COUNT(*) FROM text_parts WHERE stale = 1"));
        Assert.Equal(2L, Ask("SELECT COUNT(*) FROM text_parts"));
        Assert.Equal(Count + 1L, (await WriteAndReadNewestAsync(store)).Id);
    }

    [Fact]
    public async Task Hours_that_were_packed_without_rows_of_clients_are_packed_again_and_others_keep_their_sums()
    {
        using (var store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName }))
        {
            await store.OpenAsync(default);
            await store.WriteAsync([.. Enumerable.Range(0, 90).Select(number => Records.At(number % 2 * 5 * 3_600) with { RequestId = $"{number}", ClientIp = $"10.0.0.{number % 7}" })], default);
            await store.Upkeep();
        }

        Write(
            "DROP TABLE packs",
            "DROP TABLE client_sums",
            """
            CREATE TABLE packs (
                id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, keys BLOB NOT NULL, sums BLOB NOT NULL, client_keys BLOB NOT NULL, client_sums BLOB NOT NULL
            ) STRICT
            """,
            "INSERT INTO packs SELECT 1, MIN(hour), x'00', x'00', x'00', x'00' FROM hours",
            "PRAGMA user_version = 4");
        Write(SqliteMigrations.All[4]);
        Assert.Equal((1L, 1L), (Ask("SELECT COUNT(*) FROM hours WHERE state = 0"), Ask("SELECT COUNT(*) FROM hours WHERE state = 1")));
        Assert.Equal((1L, 0L), (Ask("SELECT COUNT(DISTINCT hour) FROM rollups"), Ask("SELECT COUNT(*) FROM packs")));
        Write("PRAGMA user_version = 5");

        using var again = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName });
        await again.OpenAsync(default);
        await again.Upkeep();
        Assert.Equal((1L, 7L), (Ask("SELECT COUNT(*) FROM packs"), Ask("SELECT COUNT(*) FROM client_sums")));
        var query = new StatsQuery(RequestFilter.Everything, TimeSpan.FromHours(1));
        Expected.AssertStats(await again.ReadAsync(RequestFilter.Everything, default).ToListAsync(), query, await again.SummarizeAsync(query, default));
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private static async Task AssertAllThereAsync(SqliteAnalyticsStore store)
    {
        var all = await store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Equal(9_000, all.Count);
        var page = await store.SearchAsync(new RequestQuery { Filter = new RequestFilter { Search = "GRÜẞE".Replace('ẞ', 'ß') } }, default);
        Assert.Equal(Enumerable.Range(0, 9).Select(thousand => $"Question {(thousand * 1_000) + 7}").Reverse(), page.Records.Select(record => record.Prompt));
        Assert.Equal("Question 8888", Assert.Single((await store.SearchAsync(new RequestQuery { Filter = new RequestFilter { PromptSearch = "question 8888" } }, default)).Records).Prompt);
        foreach (var filter in new[] { RequestFilter.Everything, new RequestFilter { Model = "phi4", From = all[^500].Timestamp } })
        {
            var query = new StatsQuery(filter, TimeSpan.FromHours(1));
            Expected.AssertStats(all, query, await store.SummarizeAsync(query, default));
        }
    }

    private static async Task<RequestRecord> WriteAndReadNewestAsync(SqliteAnalyticsStore store)
    {
        var record = Records.Full() with { Timestamp = Records.At(0).Timestamp.AddYears(1) };
        await store.WriteAsync([record], default);
        var read = (await store.SearchAsync(new RequestQuery { Limit = 1 }, default)).Records[0];
        Assert.Equal(record, read with { Id = 0 });
        return read;
    }

    private void Write(params string[] statements)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.FullName, SqliteAnalyticsStore.FileName)};Pooling=False");
        connection.Open();
        Assert.All(["PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL", .. statements], sql => SqliteSchema.Execute(connection, sql));
    }

    private long Ask(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.FullName, SqliteAnalyticsStore.FileName)};Pooling=False");
        connection.Open();
        return SqliteSchema.Scalar(connection, sql);
    }
}
