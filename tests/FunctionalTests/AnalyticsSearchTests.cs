using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>Search and messages: every parameter, every order, pages without gaps or doubles.</summary>
public sealed partial class AnalyticsSearchTests
{
    private static readonly RequestRecord[] s_records =
    [
        StoredRequests.At(1) with { Model = "llama3:8b", Endpoint = ApiEndpoint.Generate, Category = PromptCategory.Explain, Prompt = "Explain 100%_sure",
            InputTokens = 5, OutputTokens = 50, Latency = TimeSpan.FromSeconds(0.5), TokensPerSecond = 20, Backend = "gpu:11434" },
        StoredRequests.At(2) with { Outcome = ExchangeOutcome.UpstreamError, ErrorType = ErrorType.OutOfMemory, StatusCode = 500, ClientIp = "10.0.0.7",
            Application = "curl", Response = null, Latency = TimeSpan.FromSeconds(3) },
        StoredRequests.At(3) with { Endpoint = ApiEndpoint.OpenAiChat, Outcome = ExchangeOutcome.ClientCancelled, Response = "grüße aus KÖLN",
            InputTokens = 10, OutputTokens = 7, TimeToFirstToken = TimeSpan.FromSeconds(0.25) },
        StoredRequests.At(4) with { Model = null, Endpoint = ApiEndpoint.FromLabel("tags")!, Method = "GET", Category = PromptCategory.Empty, Prompt = null,
            Response = null, IsInference = false, Latency = TimeSpan.FromSeconds(0.125), TimeToFirstToken = null },
        StoredRequests.At(5) with { InputTokens = 100, OutputTokens = 7, TokensPerSecond = 3.5, TimeToFirstToken = TimeSpan.FromSeconds(2),
            Latency = TimeSpan.FromSeconds(2), Proxy = "berlin" },
    ];

    /// <summary>A query and the records it finds, newest first unless it says otherwise.</summary>
    public static TheoryData<string, string> Queries =>
    [
        ("", "5,4,3,2,1"),
        ("model=LLAMA3:8b", "1"),
        ("model=phi4", "5,3,2"),
        ("model=", "5,4,3,2,1"),
        ("endpoint=chat", "5,2"),
        ("endpoint=/v1/chat/completions", "3"),
        ("endpoint=/api/generate", "1"),
        ("category=explain", "1"),
        ("status=error", "2"),
        ("status=success&inference=true", "5,1"),
        ("outcome=client_cancelled", "3"),
        ("error_type=out_of_memory", "2"),
        ("error_type=mid_stream", ""),
        ("client=10.0.0.7", "2"),
        ("application=curl", "2"),
        ("proxy=berlin", "5"),
        ("backend=gpu:11434", "1"),
        ("search=k%C3%B6ln", "3"),
        ("prompt_search=k%C3%B6ln", ""),
        ("search=100%25_", "1"),
        ("prompt_search=THE+QUESTION", "5,3,2"),
        ("search=the%20answer", "5,1"),
        ("start_time=2&end_time=4", "4,3,2"),
        ("start_time=1970-01-01T00:00:04Z", "5,4"),
        ("start_time=1970-01-01t00:00:04.000000000z", "5,4"),
        ("start_time=1970-01-01T02:00:04%2B02:00", "5,4"),
        ("start_time=1970-01-01T02:00:04+02:00", "5,4"),
        ("start_time=1969-12-31T22:30:04-0130", "5,4"),
        ("start_time=1970-01-01%2002:00:03.5+02", "5,4"),
        ("end_time=1970-01-01T01:00:02%2B01:00", "2,1"),
        ("end_time=1970-01-01T01:00:02+01:00", "2,1"),
        ("min_input_tokens=10", "5,3"),
        ("max_input_tokens=10", "3,1"),
        ("min_output_tokens=8", "1"),
        ("max_output_tokens=7&min_output_tokens=7", "5,3"),
        ("min_latency=2", "5,2"),
        ("max_latency=0.5", "4,1"),
        ("inference=false", "4"),
        ("inference=all", "5,4,3,2,1"),
        ("limit=2", "5,4"),
        ("sort=time", "1,2,3,4,5"),
        ("order=asc", "1,2,3,4,5"),
        ("sort=-latency", "2,5,3,1,4"),
        ("sort=latency", "4,1,3,5,2"),
        ("order=desc&sort=latency", "2,5,3,1,4"),
        ("sort=-ttft", "5,3,4,2,1"),
        ("sort=input_tokens", "1,3,5,4,2"),
        ("sort=-input_tokens", "5,3,1,4,2"),
        ("sort=output_tokens", "5,3,1,4,2"),
        ("sort=-tokens_per_second", "1,5,4,3,2"),
        ("_=1234567", "5,4,3,2,1"),
    ];

    /// <summary>A query and the parameters that are wrong in it.</summary>
    public static TheoryData<string, string> WrongQueries =>
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=ten&start_time=yesterday&end_time=x", "end_time,limit,start_time"),
        ("start_time=2&end_time=1", "start_time"),
        ("start_time=1e300", "start_time"),
        ("start_time=2026-11-30T12:00:00", "start_time"),
        ("start_time=2026-11-30T12:00:00.123456&end_time=2026-11-30", "end_time,start_time"),
        ("start_time=2026-11-30+12:00:00&end_time=12:00:00Z", "end_time,start_time"),
        ("start_time=1795000000000&end_time=2026-11-30T12:00:00%20Z", "end_time,start_time"),
        ("start_time=2026-02-30T12:00:00Z&end_time=2026-11-30T12:00:00%2B99:00", "end_time,start_time"),
        ("end_time=0001-01-01T00:00:00Z", "end_time"),
        ("endpoint=/api/nothing&category=maths&status=ok&outcome=fine&inference=maybe", "category,endpoint,inference,outcome,status"),
        ("min_input_tokens=-1&max_output_tokens=1.5&min_latency=-1&max_latency=NaN", "max_latency,max_output_tokens,min_input_tokens,min_latency"),
        ("min_input_tokens=3&max_input_tokens=2&min_output_tokens=3&max_output_tokens=2&min_latency=3&max_latency=2",
            "min_input_tokens,min_latency,min_output_tokens"),
        ("sort=size&order=up", "order,sort"),
        ("cursor=abc", "cursor"),
        ("cursor=MHxkfHwx&order=asc", "cursor"),
        ("modle=phi4", "modle"),
        ("model=a&model=b", "model"),
    ];

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task Every_parameter_chooses_as_it_says(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(backend, s_records);

        foreach (var row in Queries)
        {
            var (query, expected) = row.Data;
            var search = await proxy.GetAsync($"/analytics/search?{query}");
            var messages = await proxy.GetAsync($"/analytics/messages?{query}");

            Assert.Equal((query, expected), (query, string.Join(',', search.GetProperty("results").Seconds())));
            Assert.Equal(search.GetProperty("results").GetArrayLength(), search.GetProperty("count").GetInt32());
            Assert.Equal(search.GetProperty("results").GetRawText(), messages.GetRawText());
        }
    }

    [Fact]
    public async Task Every_parameter_that_there_is_is_tried()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody, new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none" });
        var document = await proxy.GetAsync("/analytics/openapi.json");

        var known = document.GetProperty("paths").GetProperty("/analytics/search").GetProperty("get").GetProperty("parameters").EnumerateArray()
            .Select(parameter => parameter.GetProperty("name").GetString()!);
        var tried = string.Join('&', Queries.Select(row => row.Data.Item1));

        Assert.All(known.Where(name => name != "cursor"), name => Assert.Matches($"(^|&){name}=", tried));
    }

    [Fact]
    public async Task Every_wrong_parameter_is_named()
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite");

        foreach (var (query, names) in WrongQueries.Select(row => row.Data))
        {
            foreach (var path in (string[])["search", "messages"])
            {
                using var answer = await proxy.Client.GetAsync($"/analytics/{path}?{query}");
                var problem = await answer.Content.ReadFromJsonAsync<JsonElement>();

                Assert.Equal((query, HttpStatusCode.BadRequest, "application/problem+json"),
                    (query, answer.StatusCode, answer.Content.Headers.ContentType?.MediaType));
                Assert.Equal(names,
                    string.Join(',', problem.GetProperty("errors").EnumerateObject().Select(error => error.Name).Order(StringComparer.Ordinal)));
            }
        }
    }

    [Theory]
    [InlineData("sqlite", "sort=-time")]
    [InlineData("sqlite", "sort=latency")]
    [InlineData("sqlite", "sort=-output_tokens")]
    [InlineData("jsonl", "sort=-time")]
    [InlineData("jsonl", "sort=-latency")]
    public async Task Pages_have_no_gaps_and_no_doubles_while_new_records_arrive(string backend, string sort)
    {
        await using var proxy = await StoredRequests.StartAsync(
            backend,
                [.. Enumerable.Range(1,
                1_000).Select(second =>
                StoredRequests.At(second) with { Latency = TimeSpan.FromMilliseconds(second % 10), OutputTokens = second % 3 == 0 ? null : second % 5 })]);
        List<int> seen = [];
        var page = $"/analytics/messages?limit=90&{sort}";

        for (var number = 0; page is not null; number++)
        {
            using var answer = await proxy.Client.GetAsync(page);
            seen.AddRange((await answer.Content.ReadFromJsonAsync<JsonElement>()).Seconds());
            page = answer.Headers.TryGetValues("Link", out var links) ? NextPage().Match(links.Single()).Groups[1].Value : null;
            await StoredRequests.WriteAsync(proxy,
                StoredRequests.At(5_000 + number) with { Latency = TimeSpan.FromMilliseconds(number), OutputTokens = number });
        }

        var old = seen.Where(second => second <= 1_000).ToList();
        Assert.Equal(1_000, old.Count);
        Assert.Equal(Enumerable.Range(1, 1_000), old.Order());
        Assert.Equal(seen.Distinct().Count(), seen.Count);
    }

    [Fact]
    public async Task A_search_gives_the_cursor_in_its_answer_and_refuses_it_for_another_order()
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite", s_records);

        var first = await proxy.GetAsync("/analytics/search?limit=2&sort=-latency");
        var cursor = first.GetProperty("next_cursor").GetString();
        var second = await proxy.GetAsync($"/analytics/search?limit=3&sort=-latency&cursor={cursor}");
        using var other = await proxy.Client.GetAsync($"/analytics/search?sort=latency&cursor={cursor}");

        Assert.Equal([2, 5], first.GetProperty("results").Seconds());
        Assert.Equal([3, 1, 4], second.GetProperty("results").Seconds());
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next_cursor").ValueKind);
        Assert.Equal(HttpStatusCode.BadRequest, other.StatusCode);
        Assert.Contains("another order", await other.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task One_record_is_found_by_its_id(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(backend, s_records);
        var found = (await proxy.GetAsync("/analytics/search?limit=1")).GetProperty("results")[0];
        var id = found.GetProperty("id").GetInt64();

        var one = await proxy.GetAsync($"/analytics/messages/{id}");
        using var none = await proxy.Client.GetAsync($"/analytics/messages/{id + 1}");
        using var wrong = await proxy.Client.GetAsync("/analytics/messages/first");
        var same = await proxy.GetAsync($"/analytics/messages/{found.GetProperty("request_id").GetString()}");
        using var absent = await proxy.Client.GetAsync($"/analytics/messages/{new string('f', 32)}");

        Assert.Equal([found.GetRawText(), found.GetRawText()], [one.GetRawText(), same.GetRawText()]);
        Assert.Equal(HttpStatusCode.NotFound, absent.StatusCode);
        Assert.Equal((HttpStatusCode.NotFound, "application/problem+json"), (none.StatusCode, none.Content.Headers.ContentType?.MediaType));
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Theory]
    [MemberData(nameof(StoredRequests.Backends), MemberType = typeof(StoredRequests))]
    public async Task Models_are_named_once_in_alphabetical_order_and_nothing_is_an_empty_list(string backend)
    {
        await using var proxy = await StoredRequests.StartAsync(backend);

        Assert.Equal("[]", await proxy.Client.GetStringAsync("/analytics/models"));
        Assert.Equal("[]", await proxy.Client.GetStringAsync("/analytics/messages"));
        await StoredRequests.WriteAsync(proxy, s_records);
        Assert.Equal("""["llama3:8b","phi4:latest"]""", await proxy.Client.GetStringAsync("/analytics/models"));
    }

    [Fact]
    public async Task Head_answers_as_get_without_the_body()
    {
        await using var proxy = await StoredRequests.StartAsync("sqlite", s_records);

        foreach (var path in (string[])["search", "messages", "models", "stats", "stats/enhanced", "export", "live", "ollama", "openapi.json"])
        {
            using var head = await proxy.Client.SendAsync(new HttpRequestMessage(HttpMethod.Head, $"/analytics/{path}"));

            Assert.Equal((path, HttpStatusCode.OK), (path, head.StatusCode));
            Assert.Empty(await head.Content.ReadAsByteArrayAsync());
        }
    }

    [GeneratedRegex("^<(.+)>; rel=\"next\"$")]
    private static partial Regex NextPage();
}
