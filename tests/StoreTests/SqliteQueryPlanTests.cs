using Microsoft.Data.Sqlite;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Analytics.Sqlite;

namespace OllamaProxy.StoreTests;

/// <summary>The common questions use the index that was made for them, and sort nothing.</summary>
public sealed class SqliteQueryPlanTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ollama-proxy-plan-");
    private readonly SqliteAnalyticsStore _store;

    public SqliteQueryPlanTests() => _store = new SqliteAnalyticsStore(new AnalyticsOptions { Directory = _folder.FullName });

    public static TheoryData<string, string, string> Questions { get; } = Make();

    [Theory]
    [MemberData(nameof(Questions))]
    public async Task A_common_question_uses_its_index(string question, string sql, string index)
    {
        await _store.OpenAsync(default);
        await _store.WriteAsync([Records.Full()], default);

        var plan = Plan(sql);

        Assert.True(plan.Contains($"INDEX {index} ", StringComparison.Ordinal) || plan.EndsWith($"INDEX {index}", StringComparison.Ordinal)
            || plan.Contains(index + "\n", StringComparison.Ordinal), $"{question}: {plan}");
        Assert.DoesNotContain("TEMP B-TREE FOR ORDER BY", plan, StringComparison.Ordinal);
    }

    [Theory]
    [CombinatorialOrders]
    public async Task An_order_reads_its_index_and_not_everything(RequestOrder order, bool ascending)
    {
        await _store.OpenAsync(default);
        var query = new RequestQuery { Order = order, Ascending = ascending };
        var next = query with { After = new RequestCursor(1, 1) };

        Assert.All(
            [SqliteQueries.Page(Everything(), query, 1), SqliteQueries.Page(Everything(), next, 1)],
            sql =>
            {
                var plan = Plan(sql);
                Assert.Contains("USING INDEX requests_by_", plan, StringComparison.Ordinal);
                // Those with an equal value are put the other way round when the order ascends; nothing else is sorted.
                Assert.DoesNotContain(ascending ? "TEMP B-TREE FOR ORDER BY" : "TEMP B-TREE", plan, StringComparison.Ordinal);
            });
        if (!RecordFields.Of(order).IsRequired)
        {
            var unknown = query with { After = new RequestCursor(null, 1) };
            Assert.Contains("USING INDEX requests_by_", Plan(SqliteQueries.PageOfUnknown(Everything(), unknown, 1)), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_text_is_looked_up_by_position_whatever_else_is_asked()
    {
        await _store.OpenAsync(default);
        var filter = new RequestFilter { Search = "why?", Model = "phi4", Client = "10.0.0.1", From = Records.At(0).Timestamp };

        foreach (var candidates in new[] { SqliteCandidates.Of([1, 2]), SqliteCandidates.Between(1, 2), SqliteCandidates.After(3) })
        {
            Assert.Contains("SEARCH requests USING INTEGER PRIMARY KEY", Plan(SqliteQueries.Places(new SqliteFilter(filter), candidates, new RequestQuery())),
                StringComparison.Ordinal);
            Assert.Contains("SEARCH requests USING INTEGER PRIMARY KEY", Plan(SqliteQueries.Facts(new SqliteFilter(filter), candidates)),
                StringComparison.Ordinal);
            Assert.Contains("SEARCH requests USING INTEGER PRIMARY KEY", Plan(SqliteQueries.Keys(new SqliteFilter(filter), candidates)),
                StringComparison.Ordinal);
        }
    }

    public void Dispose()
    {
        _store.Dispose();
        _folder.Delete(recursive: true);
    }

    private static TheoryData<string, string, string> Make()
    {
        static string Newest(RequestFilter filter) => SqliteQueries.Page(new SqliteFilter(filter), new RequestQuery(), 1);

        var now = Records.At(0).Timestamp;
        return new TheoryData<string, string, string>
        {
            { "newest", Newest(RequestFilter.Everything), "requests_by_time" },
            { "export", SqliteQueries.Select(Everything()), "requests_by_time" },
            { "range", Newest(new RequestFilter { From = now, To = now }), "requests_by_time" },
            { "model", Newest(new RequestFilter { Model = "phi4" }), "requests_by_model" },
            { "model in a range", Newest(new RequestFilter { Model = "phi4", From = now }), "requests_by_model" },
            { "models", SqliteQueries.Models, "requests_by_model" },
            { "client", Newest(new RequestFilter { Client = "10.0.0.1" }), "requests_by_client" },
            { "delete a client", SqliteQueries.Keys(new SqliteFilter(new RequestFilter { Client = "10.0.0.1" }), SqliteCandidates.All), "requests_by_client" },
            { "errors", Newest(new RequestFilter { Status = "error" }), "requests_unsuccessful" },
            { "statistics by rows", SqliteQueries.Facts(new SqliteFilter(new RequestFilter { From = now, To = now }), SqliteCandidates.All),
                "requests_by_time" },
            { "age", SqliteQueries.Oldest, "requests_by_time" },
            { "age of texts", SqliteQueries.OldTexts, "requests_with_text" },
        };
    }

    private static SqliteFilter Everything() => new(RequestFilter.Everything);

    private string Plan(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={_store.Path};Pooling=False");
        connection.Open();
        SqliteFunctions.AddTo(connection);
        using var command = SqliteSchema.Command(connection, "EXPLAIN QUERY PLAN " + sql);
        foreach (var name in sql.Split(' ', ')', '(', ',', '\n').Where(word => word.StartsWith('@') || word.StartsWith('$')).Distinct())
        {
            command.Parameters.AddWithValue(name, 1);
        }

        using var reader = command.ExecuteReader();
        List<string> lines = [];
        while (reader.Read())
        {
            lines.Add(reader.GetString(3));
        }

        return string.Join('\n', lines);
    }
}
