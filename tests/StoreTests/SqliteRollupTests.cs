using System.Globalization;
using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.StoreTests;

/// <summary>The hourly sums say what the records say, at every moment.</summary>
public sealed class SqliteRollupTests : IDisposable
{
    private static readonly StatsQuery[] s_questions =
    [
        new(RequestFilter.Everything, TimeSpan.FromHours(1), 5, StatDimension.Model),
        new(new RequestFilter { IsInference = false }),
        new(new RequestFilter { Model = "phi4" }, TimeSpan.FromHours(1), 5, StatDimension.Client),
        new(new RequestFilter { Client = "10.0.0.9", Status = "success" }, TimeSpan.FromHours(1), 5, StatDimension.Client),
        new(new RequestFilter { Client = "10.0.0.9", Application = "curl" }, TimeSpan.FromHours(2), 5, StatDimension.Model),
        new(new RequestFilter { Category = PromptCategory.List }),
        new(new RequestFilter { Client = "absent" }),
        new(RequestFilter.Everything) { Groups = [] },
        new(new RequestFilter { Model = "phi4" }, TimeSpan.FromHours(1)) { Groups = [] },
        new(RequestFilter.Everything, TimeSpan.FromHours(1), 5, StatDimension.Application) { Groups = [StatDimension.Model] },
        new(RequestFilter.Everything, TimeSpan.FromHours(1), 3, StatDimension.Client) { Groups = [StatDimension.Application] },
    ];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-rollups-");
    private readonly SqliteAnalyticsStore _store;

    public SqliteRollupTests() => _store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName });

    [Fact]
    public async Task Statistics_are_right_while_records_come_late_and_go()
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync([.. Enumerable.Range(0, 700).Select(One)], default);
        await _store.WriteAsync([.. Enumerable.Range(700, 500).Select(One)], default);
        await AssertRightAsync(areSummed: true);

        // Requests that took hours.
        await _store.WriteAsync([One(17) with { RequestId = "late" }, One(99) with { RequestId = "later", ClientIp = "10.9.9.9", Model = "rare:1b" }], default);
        await AssertRightAsync(areSummed: true);

        Assert.Equal(1, await _store.DeleteAsync(new RequestFilter { Client = "10.9.9.9" }, default));
        await AssertRightAsync(areSummed: false);
        await _store.Upkeep();
        await AssertRightAsync(areSummed: true);
        Assert.Equal(0L, Ask("SELECT COUNT(*) FROM labels WHERE model = 'rare:1b'"));

        await _store.RetainAsync(new RetentionRules(Records.At(5_400).Timestamp, null, null), default);
        await _store.Upkeep();
        await AssertRightAsync(areSummed: true);

        await _store.DeleteAsync(RequestFilter.Everything, default);
        await _store.Upkeep();
        Assert.All((string[])["hourly", "hourly_clients", "hourly_client_labels", "labels", "stale_hours"],
            table => Assert.Equal(0L, Ask($"SELECT COUNT(*) FROM {table}")));
    }

    [Fact]
    public async Task Sums_are_readable_with_plain_SQL()
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync(
            [
                Records.At(1) with { OutputTokens = 7, Latency = TimeSpan.FromSeconds(1), ClientIp = "a" },
                Records.At(2) with { OutputTokens = 5, Latency = TimeSpan.FromSeconds(3) },
                Records.At(3) with { Model = null },
            ],
            default);

        Assert.Equal("2|12|2.0|3.0", Text(
            """
            SELECT SUM(requests) || '|' || SUM(output_tokens) || '|' || (SUM(latency_sum) / SUM(latency_count)) || '|' || MAX(latency_max)
            FROM hourly JOIN labels ON labels.id = labels_id WHERE model = 'phi4:latest'
            """));
        Assert.Equal("2026-11-01 12:00:00", Text("SELECT datetime(hour * 3600, 'unixepoch') FROM hourly"));
        Assert.Equal("a", Text("SELECT client FROM hourly_clients WHERE client <> ''"));
    }

    [Fact]
    public async Task A_batch_that_fails_leaves_no_sums()
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync([One(1)], default);

        await Assert.ThrowsAnyAsync<Exception>(() => _store.WriteAsync([One(2), One(3) with { Method = null! }], default));

        Assert.Equal(1, (await _store.DescribeAsync(default)).TotalRecords);
        await AssertRightAsync(areSummed: true);
    }

    [Fact]
    public async Task Sums_with_other_columns_are_computed_again()
    {
        using (var store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName }))
        {
            await store.OpenAsync(default);
            await store.WriteAsync([.. Enumerable.Range(0, 50).Select(One)], default);
        }

        Ask("ALTER TABLE hourly_client_labels DROP COLUMN truncated");
        await _store.OpenAsync(default);
        await _store.WriteAsync([One(60)], default);
        await AssertRightAsync(areSummed: false);
        await _store.Upkeep();
        await AssertRightAsync(areSummed: true);
    }

    [Fact]
    public async Task Sums_of_any_bytes_are_counts_and_no_failure()
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync([One(1)], default);
        Ask("UPDATE hourly SET latency_histogram = x'0102030405'");

        await _store.WriteAsync([One(1)], default);

        Assert.Equal(2, (await _store.SummarizeAsync(new StatsQuery(RequestFilter.Everything), default)).Total.Requests);
    }

    [Fact]
    public async Task Records_are_counted_through_all_that_adds_and_removes_them()
    {
        await _store.OpenAsync(default);
        Assert.Equal(0, (await _store.DescribeAsync(default)).TotalRecords);
        await _store.WriteAsync([.. Enumerable.Range(0, 700).Select(One)], default);
        Assert.Equal(700, (await _store.DescribeAsync(default)).TotalRecords);

        await _store.DeleteAsync(new RequestFilter { Model = "phi4" }, default);
        await _store.DeleteAsync((await _store.SearchAsync(new RequestQuery { Limit = 1 }, default)).Records[0].Id, default);
        await _store.RetainAsync(new RetentionRules(One(300).Timestamp, null, null), default);

        var left = (await _store.ReadAsync(RequestFilter.Everything, default).ToListAsync()).Count;
        Assert.InRange(left, 100, 500);
        Assert.Equal(left, (await _store.DescribeAsync(default)).TotalRecords);
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Delete(recursive: true);
    }

    private static RequestRecord One(int number) => Records.At(number * 7) with
    {
        RequestId = number.ToString(CultureInfo.InvariantCulture),
        Model = (number % 3) switch { 0 => "phi4:latest", 1 => "llama3:8b", _ => null },
        ClientIp = number % 11 == 7 ? null : string.Create(CultureInfo.InvariantCulture, $"10.0.0.{number % 29}"),
        Application = number % 2 == 0 ? "curl" : null,
        Outcome = number % 9 == 4 ? ExchangeOutcome.UpstreamError : ExchangeOutcome.Completed,
        IsInference = number % 4 > 0,
        InputTokens = number,
        Latency = TimeSpan.FromMilliseconds(1 + number),
    };

    private async Task AssertRightAsync(bool areSummed)
    {
        if (areSummed)
        {
            Assert.Equal(0L, Ask("SELECT COUNT(*) FROM stale_hours"));
            var records = (await _store.DescribeAsync(default)).TotalRecords;
            Assert.All((string[])["hourly", "hourly_clients", "hourly_client_labels"],
                table => Assert.Equal(records, Ask($"SELECT COALESCE(SUM(requests), 0) FROM {table}")));
        }

        var all = await _store.ReadAsync(RequestFilter.Everything, default).ToListAsync();
        foreach (var query in s_questions)
        {
            Expected.AssertStats(all, query, await _store.SummarizeAsync(query, default));
        }
    }

    private long Ask(string sql) => One(sql) as long? ?? 0;

    private string? Text(string sql) => One(sql) as string;

    private object? One(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Path.Combine(_folder.FullName, SqliteAnalyticsStore.FileName)};Pooling=False");
        connection.Open();
        using var command = SqliteSchema.Command(connection, sql);
        return command.ExecuteScalar();
    }
}
