using System.Net;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Exports: the same records as a search, in every format.</summary>
public sealed class AnalyticsExportTests
{
    private static readonly RequestRecord[] s_records =
        [.. Enumerable.Range(1,
            150).Select(second =>
            StoredRequests.At(second) with { Prompt = second == 1 ? "=1+\"1\",\nx" : "the question", Model = second % 3 == 0 ? "llama3:8b" : "phi4:latest" })];

    [Theory]
    [InlineData("sqlite", "")]
    [InlineData("sqlite", "model=llama3:8b&start_time=20")]
    [InlineData("sqlite", "search=QUESTION&limit=7")]
    [InlineData("jsonl", "")]
    [InlineData("jsonl", "model=llama3:8b&start_time=20")]
    [InlineData("jsonl", "status=error")]
    public async Task An_export_holds_what_a_search_finds(string backend, string query)
    {
        await using var proxy = await StoredRequests.StartAsync(backend, s_records);
        var search = (await proxy.GetAsync($"/analytics/search?{(query.Contains("limit", StringComparison.Ordinal) ? "" : "limit=1000&")}{query}")).GetProperty(
            "results");
        string[] expected = [.. search.EnumerateArray().Select(record => record.GetRawText())];

        var json = await proxy.GetAsync($"/analytics/export?{query}");
        var lines = await proxy.Client.GetStringAsync($"/analytics/export?format=jsonl&{query}");
        var csv = await proxy.Client.GetStringAsync($"/analytics/export?format=csv&{query}");

        Assert.Equal(expected, json.EnumerateArray().Select(record => record.GetRawText()));
        Assert.Equal(expected, lines.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(expected.Length + 1, csv.Split("\r\n", StringSplitOptions.RemoveEmptyEntries).Length);
    }

    [Fact]
    public async Task Csv_has_the_columns_of_the_json_and_a_spreadsheet_may_open_it()
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite", s_records);

        using var answer = await proxy.Client.GetAsync("/analytics/export?format=csv&end_time=1");
        var text = await answer.Content.ReadAsStringAsync();
        var record = (await proxy.GetAsync("/analytics/search?end_time=1")).GetProperty("results")[0];

        Assert.Equal(("analytics_export.csv", "text/csv"),
            (answer.Content.Headers.ContentDisposition?.FileName, answer.Content.Headers.ContentType?.MediaType));
        Assert.Equal(record.EnumerateObject().Select(property => property.Name), text.Split("\r\n")[0].Split(','));
        Assert.Contains(",chat,\"'=1+\"\"1\"\",\nx\",", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_csv_begins_with_a_byte_order_mark_only_when_it_is_asked_for()
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite", s_records);

        Assert.Equal([0xef, 0xbb, 0xbf, (byte)'i'], (await proxy.Client.GetByteArrayAsync("/analytics/export?format=csv&bom=true"))[..4]);
        Assert.Equal([0xef, 0xbb, 0xbf, (byte)'i'], (await proxy.Client.GetByteArrayAsync("/analytics/export?format=csv&bom=true&message_id=1"))[..4]);
        Assert.Equal("id,"u8.ToArray(), (await proxy.Client.GetByteArrayAsync("/analytics/export?format=csv"))[..3]);
        Assert.Equal("id,"u8.ToArray(), (await proxy.Client.GetByteArrayAsync("/analytics/export?format=csv&bom=false"))[..3]);
        Assert.Equal("["u8.ToArray(), (await proxy.Client.GetByteArrayAsync("/analytics/export?bom=true"))[..1]);
        using var wrong = await proxy.Client.GetAsync("/analytics/export?format=csv&bom=perhaps");
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Theory]
    [InlineData("json", "application/json")]
    [InlineData("csv", "text/csv")]
    [InlineData("jsonl", "application/x-ndjson")]
    public async Task One_message_is_a_file_of_its_own(string format, string type)
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite", s_records);
        var id = (await proxy.GetAsync("/analytics/search?limit=1")).GetProperty("results")[0].GetProperty("id").GetInt64();

        using var one = await proxy.Client.GetAsync($"/analytics/export?message_id={id}&format={format}");
        using var none = await proxy.Client.GetAsync($"/analytics/export?message_id=999999&format={format}");
        var text = await one.Content.ReadAsStringAsync();

        Assert.Equal(($"message_{id}.{format}", type), (one.Content.Headers.ContentDisposition?.FileName, one.Content.Headers.ContentType?.MediaType));
        Assert.Equal(format == "csv" ? 2 : 1, text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.True(format == "csv" || JsonElement.Parse(text).GetProperty("id").GetInt64() == id);
        Assert.Equal(HttpStatusCode.NotFound, none.StatusCode);
    }

    [Fact]
    public async Task An_export_that_fails_midway_is_visibly_broken()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(
            StoredRequests.Nobody,
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none" },
            builder => builder.Services.AddSingleton<IAnalyticsStore, BreakingStore>());

        using var answer = await proxy.Client.GetAsync("/analytics/export", HttpCompletionOption.ResponseHeadersRead);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        await Assert.ThrowsAsync<HttpRequestException>(() => answer.Content.ReadAsStringAsync());
    }

    /// <summary>A store whose disk fails after many records.</summary>
    private sealed class BreakingStore : IAnalyticsStore
    {
        public string Backend => "breaking";

        public bool Remembers => true;

        public Task OpenAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task WriteAsync(IReadOnlyList<RequestRecord> batch, CancellationToken cancellationToken) => Task.CompletedTask;

        public async IAsyncEnumerable<RequestRecord> ReadAsync(RequestFilter filter,
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
        {
            foreach (var record in Enumerable.Range(1, 10_000).Select(StoredRequests.At))
            {
                await Task.Yield();
                yield return record;
            }

            throw new IOException("The disk is gone.");
        }

        public Task<IReadOnlySet<string>> RequestIdsAsync(RequestFilter filter, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<RequestPage> SearchAsync(RequestQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<RequestRecord?> FindAsync(long id, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IReadOnlyList<string>> ModelsAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<RequestStats> SummarizeAsync(StatsQuery query, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<StoreInfo> DescribeAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<long> DeleteAsync(RequestFilter filter, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> DeleteAsync(long id, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<RetentionResult> RetainAsync(RetentionRules rules, CancellationToken cancellationToken) => Task.FromResult(new RetentionResult(0, 0));
    }
}
