using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>One generation in every dialect: the page shows the numbers of the API and the store.</summary>
public sealed class DialectTests(Browser browser)
{
    private const int Tokens = 24;

    private static readonly (string Path, string Body)[] s_dialects =
    [
        ("/api/generate", """{"model":"same","prompt":"Tell me a story.","options":{"num_predict":24}STREAM}"""),
        ("/api/chat", """{"model":"same","messages":[{"role":"user","content":"Tell me a story."}],"options":{"num_predict":24}STREAM}"""),
        ("/v1/chat/completions", """{"model":"same","messages":[{"role":"user","content":"Tell me a story."}],"max_tokens":24STREAM}"""),
        ("/v1/completions", """{"model":"same","prompt":"Tell me a story.","max_tokens":24STREAM}"""),
        ("/v1/responses", """{"model":"same","input":"Tell me a story.","max_output_tokens":24STREAM}"""),
        ("/v1/messages", """{"model":"same","messages":[{"role":"user","content":"Tell me a story."}],"max_tokens":24STREAM}"""),
    ];

    [Theory]
    [InlineData(""","stream":true""")]
    [InlineData(""","stream":false""")]
    [InlineData("")]
    public async Task The_page_shows_the_numbers_of_the_API_for_a_generation_in_every_dialect(string stream)
    {
        var model = new SimulatedModel("same:latest") { TokensPerSecond = 60, LoadTime = TimeSpan.FromSeconds(0.3) };
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = [model] });
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        foreach (var (path, body) in s_dialects)
        {
            using var content = new StringContent(body.Replace("STREAM", stream, StringComparison.Ordinal), Encoding.UTF8, "application/json");
            using var answer = await proxy.Client.PostAsync(path, content, TestContext.Current.CancellationToken);
            answer.EnsureSuccessStatusCode();
        }

        var records = await RecordsAsync(proxy, s_dialects.Length);
        await using var visit = await browser.VisitAsync(proxy.Address);
        foreach (var record in records)
        {
            var id = record.GetProperty("id").GetInt64();
            await visit.OpenAsync($"requests/{id}");
            await Assertions.Expect(visit.Page).ToHaveTitleAsync($"Request {id} · ollama-proxy");
            await Assertions.Expect(visit.Page.Locator(".one-head code")).ToHaveTextAsync(record.GetProperty("endpoint").GetString()!);

            var stored = await proxy.Services.GetRequiredService<IAnalyticsStore>().FindAsync(id, TestContext.Current.CancellationToken);
            Assert.Equal(
                (stored!.OutputTokens, stored.TokensPerSecond, stored.TimeToFirstToken?.TotalSeconds, (double?)stored.Latency.TotalSeconds),
                (PageText.Count(record, "output_tokens"), Number("tokens_per_second"), Number("time_to_first_token"), Number("latency")));
            var facts = new PageFacts(record);
            Assert.EndsWith(Tokens.ToString(CultureInfo.InvariantCulture), facts.Output, StringComparison.Ordinal);
            await (facts.Input == PageText.Unknown
                ? AssertFigureAsync("Completion tokens", facts.Output)
                : AssertFigureAsync("Prompt → completion tokens", $"{facts.Input} → {facts.Output}"));
            await AssertFigureAsync("Speed", facts.Speed);
            await AssertFigureAsync("Time to first token", facts.FirstToken);
            await AssertFigureAsync("Duration", facts.Duration);
            await Assertions.Expect(visit.Page.Locator(".one-head .status")).ToHaveTextAsync("ok");
            await Assertions.Expect(visit.Page.Locator(".why")).ToContainTextAsync($"It took {facts.Duration}");
            await AssertPhasesAsync(visit, record);

            double? Number(string key) => PageText.Number(record, key);

            // Unknown values are left out.
            Task AssertFigureAsync(string name, string text)
            {
                var figure = Assertions.Expect(Figure(visit, name));
                return text == PageText.Unknown ? figure.ToHaveCountAsync(0) : figure.ToHaveTextAsync(text);
            }
        }

        await visit.OpenAsync("requests?range=1h&sort=time");
        var rows = visit.Page.Locator(".requests tbody tr");
        await Assertions.Expect(rows).ToHaveCountAsync(s_dialects.Length);
        for (var index = 0; index < records.Length; index++)
        {
            var cells = rows.Nth(index).Locator("[role=gridcell]:not(.k-phases)");
            var facts = new PageFacts(records[index]);
            Assert.Equal([facts.Input, facts.Output, facts.Speed, facts.FirstToken, facts.Duration], (await cells.AllTextContentsAsync()).TakeLast(5));
        }

        var total = JsonElement.Parse(await proxy.Client.GetStringAsync("/analytics/stats?inference=true&hours=1")).GetProperty("total");
        await visit.OpenAsync("overview?range=1h");
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync("6");
        await Assertions.Expect(visit.Card("speed")).ToHaveTextAsync(PageText.Speed(Median("tokens_per_second")));
        await Assertions.Expect(visit.Card("first-token")).ToHaveTextAsync(PageText.Duration(Median("time_to_first_token")));
        await Assertions.Expect(visit.Card("duration")).ToHaveTextAsync(PageText.Duration(Median("latency")));

        double? Median(string key) => PageText.Number(total.GetProperty(key), "p50");
    }

    [Fact]
    public async Task A_speed_that_Ollama_did_not_report_is_shown_as_an_estimate()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        var record = BusyProxy.Week(proxy, 10)[^1];
        await BusyProxy.WriteAsync(proxy, [record with { TokensPerSecond = 43.21, OutputTokens = 20, Outcome = ExchangeOutcome.Completed }]);
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.Page.RouteAsync("**/analytics/messages/1", async route =>
        {
            var answer = await route.FetchAsync();
            var text = (await answer.TextAsync()).Replace("\"tokens_per_second_estimated\":false", "\"_\":0", StringComparison.Ordinal);
            var body = text.Replace("\"model\":", "\"tokens_per_second_estimated\":true,\"model\":", StringComparison.Ordinal);
            await route.FulfillAsync(new RouteFulfillOptions { Response = answer, Body = body });
        });

        await visit.OpenAsync("requests/1");

        await Assertions.Expect(Figure(visit, "Speed")).ToHaveTextAsync("~ 43.2 tok/s");
    }

    /// <summary>The phases follow each other without gaps and fill the bar, except for those too short to see. Decoding begins at the first token.</summary>
    private static async Task AssertPhasesAsync(Visit visit, JsonElement record)
    {
        var phases = await visit.Page.Locator(".waterfall li").EvaluateAllAsync<JsonElement>("""
            all => all.map(one => ({
                name: one.querySelector('.name').textContent,
                left: parseFloat(one.querySelector('i').style.left),
                width: parseFloat(one.querySelector('i').style.width) }))
            """);
        var end = 0.0;
        foreach (var phase in phases.EnumerateArray())
        {
            Assert.InRange(phase.GetProperty("left").GetDouble(), end - 0.001, end + 1.5);
            end = phase.GetProperty("left").GetDouble() + phase.GetProperty("width").GetDouble();
        }

        Assert.InRange(end, 98.5, 100.001);
        if (PageText.Number(record, "time_to_first_token") is { } first && PageText.Number(record, "prompt_eval_duration") is null)
        {
            var writing = phases.EnumerateArray().Single(phase => phase.GetProperty("name").GetString() == "Writing");
            Assert.Equal(100 * first / PageText.Number(record, "latency")!.Value, writing.GetProperty("left").GetDouble(), 0.01);
            Assert.Contains(phases.EnumerateArray(), phase => phase.GetProperty("name").GetString() == "Until the first token");
        }
    }

    private static ILocator Figure(Visit visit, string name) =>
        visit.Page.Locator(".summary dl > div").Filter(new() { Has = visit.Page.Locator($"dt:text-is('{name}')") }).Locator("dd b");

    private static Task<JsonElement[]> RecordsAsync(ProxyUnderTest proxy, int count) => Eventually.GetAsync(async () =>
    {
        var results = JsonElement.Parse(await proxy.Client.GetStringAsync("/analytics/search?sort=time")).GetProperty("results");
        return results.GetArrayLength() == count ? results.EnumerateArray().ToArray() : null;
    });
}
