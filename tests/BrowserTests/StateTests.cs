using System.Net;
using System.Net.Http.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Playwright;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Domain;
using OllamaProxy.Host.Demo;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>The page in unusual states, with live traffic and with hostile texts.</summary>
public sealed partial class StateTests(Browser browser, BusyProxy busy)
{
    private const string Token = "a-secret-of-16-or-more";

    [Fact]
    public async Task Requests_are_shown_from_their_start_to_their_record()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("snail:latest") { TokensPerSecond = 8, LoadTime = TimeSpan.FromSeconds(3),
                GpuRatio = 0.5 }] });
        await using var proxy = await BusyProxy.StartAsync(ollama.Address, ("MAX_CONCURRENT_REQUESTS", "1"));
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.OpenAsync("now");
        var running = visit.Page.Locator("[aria-label='Running requests'] tbody tr");
        await Assertions.Expect(visit.Page.Locator("section[aria-label=Running]")).ToContainTextAsync("No request is running");

        var first = proxy.Client.PostAsJsonAsync("/api/generate", new { model = "snail", prompt = "Why?", options = new { num_predict = 70 } },
            TestContext.Current.CancellationToken);
        await Assertions.Expect(running).ToHaveCountAsync(1);
        await Assertions.Expect(running.First).ToContainTextAsync("snail:latest");
        var second = proxy.Client.PostAsJsonAsync("/api/generate", new { model = "snail", prompt = "How?", options = new { num_predict = 5 } },
            TestContext.Current.CancellationToken);
        await Assertions.Expect(running.Nth(1)).ToContainTextAsync("queued, place 1");
        await Assertions.Expect(visit.Page.Locator("section[aria-label=Running] .note")).ToHaveTextAsync("1 in Ollama, 1 queued");
        await Assertions.Expect(running.First).ToContainTextAsync("writing");
        await Assertions.Expect(running.First).ToContainTextAsync("tok/s");
        using var one = await first;
        using var other = await second;

        await Assertions.Expect(running).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Page.Locator("[aria-label='Just finished'] tbody tr")).ToHaveCountAsync(2);
        await Assertions.Expect(visit.Page.Locator(".loaded-model")).ToContainTextAsync("snail:latest");
        await Assertions.Expect(visit.Page.Locator(".memory"))
            .ToHaveAttributeAsync("aria-label", new System.Text.RegularExpressions.Regex("^3[.]03 MiB on the GPU, 3[.]03 MiB on the CPU$"));
        await visit.Page.Locator("[aria-label='Just finished'] tbody tr a").First.ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".why")).ToContainTextAsync("queued");
    }

    [Fact]
    public async Task A_stream_without_tokens_is_shown_as_stalled()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("stuck:latest") { TokensPerSecond = 0.05 }] });
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.OpenAsync("now");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = JsonContent.Create(new { model = "stuck", prompt = "Why?" }) };
        using var answer = await proxy.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);

        var doing = visit.Page.Locator("[aria-label='Running requests'] .phase");
        await Assertions.Expect(doing).ToHaveTextAsync(new System.Text.RegularExpressions.Regex("^silent for 1[0-9]([.]0)? s$"), new() { Timeout = 90_000 });
        await Assertions.Expect(visit.Page.Locator("[aria-label='The last 60 seconds'] .card").Nth(1)).ToContainTextAsync("Running1");
    }

    [Fact]
    public async Task Every_view_warns_that_Ollama_is_down_and_says_what_to_do()
    {
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "1"));
        await BusyProxy.WriteAsync(proxy, BusyProxy.Week(proxy, 20));
        await using var visit = await browser.VisitAsync(proxy.Address);

        foreach (var view in (string[])["now", "overview?range=all", "requests?range=all", "models?range=all"])
        {
            await visit.OpenAsync(view);
            await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("Ollama does not answer at http://127.0.0.1:9");
            await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("ollama serve");
        }
    }

    [Fact]
    public async Task A_single_record_is_shown_without_empty_charts()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await BusyProxy.WriteAsync(proxy,
            [BusyProxy.Week(proxy, 10)[^1] with { Outcome = ExchangeOutcome.Completed, ErrorType = null, IsInference = true }]);
        await using var visit = await browser.VisitAsync(proxy.Address);

        await visit.OpenAsync("overview?range=24h");

        await Assertions.Expect(visit.Page.Locator("section[aria-label=Errors].panel")).ToContainTextAsync("No errors in this period.");
        Assert.Equal(["Requests", "Errors", "Models", "Applications"], await visit.Page.Locator(".grid > .panel h2").AllTextContentsAsync());
    }

    [Fact]
    public async Task New_requests_appear_in_the_open_table_and_cards()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.OpenAsync("requests?range=1h");
        await visit.Page.GetByLabel("Refresh").SelectOptionAsync("live");
        await Assertions.Expect(visit.Page.Locator(".message")).ToContainTextAsync("No request yet");

        for (var count = 1; count <= 3; count++)
        {
            using var answer = await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "tiny", prompt = $"Number {count}" },
                TestContext.Current.CancellationToken);
            await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(count == 1 ? "1 request" : $"{count} requests");
            await Assertions.Expect(visit.Page.Locator(".requests tbody tr").First).ToContainTextAsync($"Number {count}");
        }
    }

    [Fact]
    public async Task A_failed_request_shows_what_happened()
    {
        SimulatedModel[] models = [new SimulatedModel("snail:latest") { TokensPerSecond = 20 }];
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = models });
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await browser.VisitAsync(proxy.Address);
        using (await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "nobody", prompt = "a" }, TestContext.Current.CancellationToken))
        {
            await AssertLastAsync("model not found", "Ollama answered after .* that it does not have the model", "Ollama has no model", 1);
        }

        object[] messages = [new { role = "user", content = "a" }];
        await LeaveAfterFirstBytesAsync("/v1/chat/completions", new { model = "snail", stream = true, max_tokens = 200, messages });
        await AssertLastAsync("cancelled", "The client disconnected after .*, about [0-9]+ tokens? into the answer", "Ollama did not fail", 2);
        Assert.Equal(1, await visit.Page.Locator(".waterfall li", new() { HasText = "Until the first token" }).CountAsync());

        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            var cut = new { model = "snail-fault-cut", prompt = "a" };
            using var answer = await proxy.Client.PostAsJsonAsync("/api/generate", cut, TestContext.Current.CancellationToken);
        });
        await AssertLastAsync("incomplete", "Ollama’s answer ended without its last line after .*, about [0-9]+ tokens? into", "text may be cut", 3);

        async Task LeaveAfterFirstBytesAsync(string path, object body)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(body) };
            using var answer = await proxy.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
            await using var stream = await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
            await stream.ReadExactlyAsync(new byte[1_000], TestContext.Current.CancellationToken);
        }

        async Task AssertLastAsync(string word, string sentence, string meaning, int count)
        {
            await visit.OpenAsync("requests?range=1h");
            await visit.Page.GetByLabel("Refresh").SelectOptionAsync("1");
            await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(count == 1 ? "1 request" : $"{count} requests");
            await Assertions.Expect(visit.Page.Locator(".requests tbody tr").First.Locator(".status")).ToHaveTextAsync(word);
            await visit.Page.Locator(".requests tbody tr").First.ClickAsync();
            await Assertions.Expect(visit.Page.Locator(".one-head .status")).ToHaveTextAsync(word);
            await Assertions.Expect(visit.Page.Locator(".why")).ToHaveTextAsync(new System.Text.RegularExpressions.Regex($"^{sentence}.*[.]$"));
            await Assertions.Expect(visit.Page.Locator("main .banner")).ToContainTextAsync(meaning);
        }
    }

    [Fact]
    public async Task Every_view_warns_of_a_failing_store_until_it_works_again()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        var health = "{\"status\":\"degraded\",\"store\":{\"state\":\"degraded\",\"problem\":\"The disk is full.\"}}";
        var (healthAsked, ollamaAsked) = (0, 0);
        visit.Page.Request += (_, request) =>
        {
            healthAsked += request.Url.EndsWith("/healthz", StringComparison.Ordinal) ? 1 : 0;
            ollamaAsked += request.Url.EndsWith("/analytics/ollama", StringComparison.Ordinal) ? 1 : 0;
        };
        await visit.Page.RouteAsync("**/healthz", route =>
            route.FulfillAsync(new RouteFulfillOptions { ContentType = "application/json", Body = Volatile.Read(ref health) }));

        foreach (var view in (string[])["now", "requests?range=24h", "overview?range=24h"])
        {
            await visit.OpenAsync(view);
            await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("Records are kept in memory: The disk is full. ");
        }

        // The page has no timer for this; it gets the state of the store with that of Ollama.
        Assert.InRange(healthAsked, 1, ollamaAsked);
        Volatile.Write(ref health, "{\"status\":\"ok\",\"store\":{\"state\":\"ok\"}}");
        await Assertions.Expect(visit.Page.Locator(".banner")).ToHaveCountAsync(0, new() { Timeout = 60_000 });
    }

    [Fact]
    public async Task The_models_of_a_chart_differ_in_color_and_one_without_a_response_is_gray()
    {
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"));
        var one = BusyProxy.Week(proxy, 10)[^1] with { Outcome = ExchangeOutcome.Completed, IsInference = true };
        // The most used first; a name that was misspelled all day; and more models than there are colors.
        await BusyProxy.WriteAsync(proxy, [.. Enumerable.Range(0, 12).SelectMany(model => Several(20 - model, one with { Model = $"m{model:00}:latest" }))]);
        var failed = one with { Model = "typo:latest", Outcome = ExchangeOutcome.UpstreamError, OutputTokens = null, ErrorType = ErrorType.ModelNotFound };
        await BusyProxy.WriteAsync(proxy, [.. Several(30, failed)]);
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.Add("does not answer");

        await visit.OpenAsync("overview?range=1h");
        var all = await KeysAsync();
        await visit.OpenAsync("overview?range=1h&search=a");
        await visit.Page.Locator(".footnote", new() { HasText = "Searches and ranges" }).WaitForAsync();
        var searched = await KeysAsync();
        await visit.OpenAsync("requests?range=1h");
        await visit.Page.Locator(".requests tbody tr").First.WaitForAsync();
        var typo = await visit.Page.Locator(".requests tbody tr", new() { HasText = "typo:latest" }).First.Locator(".swatch").GetAttributeAsync("class");

        Assert.Equal([.. Enumerable.Range(0, 9).Select(model => $"m{model:00}:latest"), "others"], all.Select(key => key.Name));
        Assert.Equal(all.Length, all.Select(key => key.Color).Distinct().Count());
        Assert.Equal(all, searched);
        Assert.Equal("swatch c-none", typo);

        static IEnumerable<RequestRecord> Several(int count, RequestRecord record) =>
            Enumerable.Range(0, count).Select(_ => record with { RequestId = Guid.NewGuid().ToString("N") });

        async Task<(string Name, string Color)[]> KeysAsync()
        {
            var keys = visit.Page.Locator("figure[aria-label^='Requests over time'] .key");
            await Assertions.Expect(keys.Last).ToHaveTextAsync("others");
            var texts = await keys.EvaluateAllAsync<string[]>(
                "all => all.map(one => `${one.textContent} ${getComputedStyle(one.querySelector('.swatch')).backgroundColor}`)");
            return [.. texts.Select(text => text.Split(' ', 2)).Select(parts => (parts[0], parts[1]))];
        }
    }

    [Fact]
    public async Task Hostile_texts_are_shown_as_text()
    {
        const string Hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'`${alert(3)}<svg/onload=alert(4)>";
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"));
        var record = BusyProxy.Week(proxy, 10)[^1] with
        {
            Model = Hostile, Prompt = Hostile,
            Response = $"# {Hostile}\n\n- {Hostile}\n\n[x](javascript:alert(5)) **{Hostile}**\n\n```{Hostile}\n{Hostile}\n```", System = Hostile,
            Thinking = Hostile,
            ToolCalls = "[{\"name\":\"<img src=x onerror=alert(6)>\",\"arguments\":\"<script>alert(7)</script>\"}]", UserAgent = Hostile,
            Application = Hostile, ClientIp = Hostile, Error = Hostile,
            FinishReason = Hostile, Target = "/api/<img>", KeepAlive = Hostile, Outcome = ExchangeOutcome.UpstreamError,
        };
        await BusyProxy.WriteAsync(proxy, [record]);
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.Add("does not answer");

        foreach (var view in (string[])["overview?range=all", "requests?range=all&search=img", "requests/1", "models?range=all", "now"])
        {
            await visit.OpenAsync(view);
            await Assertions.Expect(visit.Page.Locator("main")).ToContainTextAsync("<img src=x onerror=alert(1)>");
            if (view == "requests/1")
            {
                await Assertions.Expect(visit.Page.Locator("section[aria-label=Assistant] .prose strong")).ToHaveTextAsync(Hostile);
                await Assertions.Expect(visit.Page.Locator("section[aria-label='Tool call'] summary code"))
                    .ToHaveTextAsync("<img src=x onerror=alert(6)>(\"<script>alert(7)</script>\")");
            }

            Assert.Equal(0, await visit.Page.Locator("main img, main script, #page svg[onload], main a[href^='javascript:']").CountAsync());
        }
    }

    [Fact]
    public async Task Hostile_headers_of_a_live_request_are_shown_as_text()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("snail:latest") { TokensPerSecond = 2 }] });
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.OpenAsync("now");
        using var request = new HttpRequestMessage(HttpMethod.Post,
            "/api/generate") { Content = JsonContent.Create(new { model = "snail<img src=x onerror=alert(1)>", prompt = "<script>alert(2)</script>" }) };
        request.Headers.TryAddWithoutValidation("User-Agent", "<img src=x onerror=alert(3)>");
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", "<img src=x onerror=alert(4)>");
        using var answer = await proxy.Client.SendAsync(request, TestContext.Current.CancellationToken);

        await Assertions.Expect(visit.Page.Locator("[aria-label='Just finished'] tbody tr")).ToHaveCountAsync(1);
        await Assertions.Expect(visit.Page.Locator("[aria-label='Just finished']")).ToContainTextAsync("<img src=x onerror=alert(1)>");
        Assert.Equal(0, await visit.Page.Locator("main img").CountAsync());
    }
}
