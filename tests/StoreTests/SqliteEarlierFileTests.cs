using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.StoreTests;

/// <summary>Files that this program wrote before its first release open, and nothing in them is lost.</summary>
public sealed class SqliteEarlierFileTests : IDisposable
{
    private const string Columns =
        "request_id, timestamp_us, model, endpoint, method, category, latency_us, time_to_first_token_us, mean_gap_us, decode_time_us, output_tokens, "
        + "tool_call_count, eval_duration_us, tokens_per_second, stream";

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-earlier-");

    [Theory]
    [InlineData(5)]
    [InlineData(6)]
    public async Task All_records_of_an_earlier_file_are_searched_and_counted(int version)
    {
        // More than one part of the text index, and several hours.
        const int Count = 9_000;
        await WriteAsync(
            version == 5 ? "" : "ALTER TABLE requests ADD COLUMN speed_estimated INTEGER NOT NULL DEFAULT 0",
            $"PRAGMA user_version = {version}",
            $"""
            WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {Count})
            INSERT INTO requests (request_id, timestamp_us, model, endpoint, method, category, prompt, response, latency_us, input_tokens, tokens_estimated,
                                  status, outcome, client_ip, request_bytes, response_bytes, is_inference)
            SELECT printf('%032x', n), 1790000000000000 + n * 2000000, CASE n % 3 WHEN 0 THEN 'phi4:latest' ELSE 'llama3:8b' END, 'chat', 'POST', 'other',
                   'Question ' || n, CASE n % 1000 WHEN 7 THEN 'Grüße' END, n * 1000, n % 50, 0, 'success', 'completed', '10.0.0.' || (n % 9), n, n, 1
            FROM numbers
            """,
            $"UPDATE positions SET last = {Count}, records = {Count}",
            "INSERT INTO text_parts SELECT id >> 13, 1, 0, MIN(timestamp_us), MAX(timestamp_us) FROM requests GROUP BY id >> 13",
            "INSERT INTO hours SELECT DISTINCT timestamp_us / 3600000000, 2 FROM requests",
            "INSERT INTO rollups SELECT hour, x'00', x'00' FROM hours",
            "INSERT INTO packs SELECT hour, hour, x'00', x'00', x'00' FROM hours");

        using var store = Store();
        await store.OpenAsync(default);
        // While the sums and the text index are being made, and after.
        await AssertAllThereAsync(store);
        await store.Upkeep();
        await AssertAllThereAsync(store);

        Assert.Equal(0L, Ask("SELECT COUNT(*) FROM stale_hours"));
        Assert.Equal(Count, Ask("SELECT SUM(requests) FROM hourly"));
        Assert.Equal((0L, 2L), (Ask("SELECT COUNT(*) FROM text_parts WHERE stale = 1"), Ask("SELECT COUNT(*) FROM text_parts")));
        Assert.Equal(0L, Ask("SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('hours', 'rollups', 'packs', 'client_sums')"));
        Assert.Equal(Count + 1L, (await WriteAndReadNewestAsync(store)).Id);
    }

    [Fact]
    public async Task A_store_that_is_closed_while_the_sums_are_computed_goes_on_at_the_next_start()
    {
        await WriteAsync(
            $"""
            WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 300)
            INSERT INTO requests ({Columns}, tokens_estimated, status, outcome, request_bytes, response_bytes, is_inference)
            SELECT n, n * 3600000000, 'a:1', 'chat', 'POST', 'other', 1, NULL, NULL, NULL, 1, NULL, NULL, NULL, NULL, 0, 'success', 'completed', 0, 0, 1
            FROM numbers
            """);
        using (var store = Store())
        {
            await store.OpenAsync(default);
        }

        using var again = Store();
        await again.OpenAsync(default);
        Assert.Equal(300, (await again.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);
        await again.Upkeep();
        Assert.Equal((0L, 300L), (Ask("SELECT COUNT(*) FROM stale_hours"), Ask("SELECT SUM(requests) FROM hourly")));
    }

    [Fact]
    public async Task Rows_of_the_fifth_version_count_with_their_first_tokens_their_speeds_and_their_methods()
    {
        await WriteAsync(
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
            "UPDATE positions SET records = 5, last = 5");

        using var store = Store();
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
        Assert.Equal(4, Assert.Single(stats[StatDimension.Model]).Line.Requests);
        Expected.AssertStats(records, query, stats);
    }

    [Fact]
    public async Task A_file_from_before_is_refused_with_the_way_out()
    {
        await WriteAsync("PRAGMA user_version = 4");
        using var store = Store();

        var exception = await Assert.ThrowsAsync<AnalyticsStoreException>(() => store.OpenAsync(default));

        Assert.Contains("faf0d62", exception.Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Delete(recursive: true);

    private SqliteAnalyticsStore Store() => new(new AnalyticsOptions { Directory = _folder.FullName });

    private static async Task AssertAllThereAsync(SqliteAnalyticsStore store)
    {
        var all = await store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        Assert.Equal(9_000, all.Count);
        var page = await store.SearchAsync(new RequestQuery { Filter = new RequestFilter { Search = "GRÜẞE".Replace('ẞ', 'ß') } }, default);
        Assert.Equal(Enumerable.Range(0, 9).Select(thousand => $"Question {(thousand * 1_000) + 7}").Reverse(), page.Records.Select(record => record.Prompt));
        Assert.Equal("Question 8888",
            Assert.Single(
            (await store.SearchAsync(new RequestQuery { Filter = new RequestFilter { PromptSearch = "question 8888" } }, default)).Records).Prompt);
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

    /// <summary>Makes a file of faf0d62 and runs more statements in it.</summary>
    private async Task WriteAsync(params string[] statements)
    {
        var schema = await File.ReadAllTextAsync(Path.Combine(AppContext.BaseDirectory, "Version5.sql"));
        await using var connection = Open();
        Assert.All(["PRAGMA auto_vacuum = INCREMENTAL", "PRAGMA journal_mode = WAL", schema, .. statements], sql => SqliteSchema.Execute(connection, sql));
    }

    private long Ask(string sql)
    {
        using var connection = Open();
        return SqliteSchema.Scalar(connection, sql);
    }

    private SqliteConnection Open()
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.FullName, SqliteAnalyticsStore.FileName)};Pooling=False");
        connection.Open();
        return connection;
    }
}
