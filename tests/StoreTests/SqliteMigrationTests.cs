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
            "ALTER TABLE requests DROP COLUMN speed_estimated",
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

    [Fact]
    public async Task Rows_of_the_fifth_version_count_with_their_first_tokens_their_speeds_and_their_methods()
    {
        const string Columns =
            "request_id, timestamp_us, model, endpoint, method, category, latency_us, time_to_first_token_us, mean_gap_us, decode_time_us, output_tokens, "
            + "tool_call_count, eval_duration_us, tokens_per_second, stream";
        Write(
            [
                .. SqliteMigrations.All.Take(5),
                $"""
                INSERT INTO requests ({Columns}, tokens_estimated, status, outcome, request_bytes, response_bytes, is_inference)
                SELECT value->>0, 1790000000000000 + (value->>1), value->>2, value->>3, value->>4, 'other', 9000000, value->>5, value->>6, value->>7, value->>8,
                    value->>9, value->>10, value->>11, value->>12, 0, 'success', 'completed', 0, 0, 1
                FROM json_each('[
                    ["native", 1, "a:1", "chat", "POST", 500000, 100000, 1800000, 20, null, 2000000, 10, null],
                    ["events", 2, "https://a:1", "v1/messages", "POST", 700000, 100000, 1900000, 20, null, null, null, 1],
                    ["call", 3, "a:1", "v1/messages", "POST", 700000, 100, 100, 60, 2, null, null, 1],
                    ["plain", 4, "a:1", "v1/messages", "POST", null, null, null, 20, null, null, null, 0],
                    ["preflight", 5, null, "chat", "OPTIONS", null, null, null, null, null, null, null, null]]')
                """,
                "INSERT INTO hours SELECT timestamp_us / 3600000000, 1 FROM requests LIMIT 1",
                "INSERT INTO rollups SELECT hour, x'00', x'00' FROM hours",
                "UPDATE positions SET records = 5, last = 5",
                "PRAGMA user_version = 5",
            ]);

        using var store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName });
        await store.OpenAsync(default);
        await store.Upkeep();

        var records = await store.ReadAsync(RequestFilter.Everything, default).Reverse().ToListAsync();
        Assert.Equal(
            [
                ("native", true, 10.0, false, true), ("events", true, 10, true, true), ("call", true, null, false, true), ("plain", false, null, false, true),
                ("preflight", (bool?)null, (double?)null, false, false),
            ],
            records.Select(record => (record.RequestId, record.Stream, record.TokensPerSecond, record.SpeedEstimated, record.IsInference)));
        var query = new StatsQuery(new RequestFilter { IsInference = true }, TimeSpan.FromHours(1));
        var stats = await store.SummarizeAsync(query, default);
        Assert.Equal((4, 3, 2), (stats.Total.Requests, stats.Total.TimeToFirstToken.Count, stats.Total.TokensPerSecond.Count));
        Assert.Equal(4, Assert.Single(stats.Models).Line.Requests);
        Expected.AssertStats(records, query, stats);
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
