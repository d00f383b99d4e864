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

/// <summary>What the page says when things are not as usual, and what it does with live traffic and with hostile texts.</summary>
public sealed class StateTests(Browser browser, BusyProxy busy)
{
    private const string Token = "a-secret-of-16-or-more";

    [Fact]
    public async Task Requests_are_seen_from_their_beginning_to_their_record()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("snail:latest") { TokensPerSecond = 8, LoadTime = TimeSpan.FromSeconds(3), GpuRatio = 0.5 }] });
        await using var proxy = await BusyProxy.StartAsync(ollama.Address, ("MAX_CONCURRENT_REQUESTS", "1"));
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.OpenAsync("now");
        var running = visit.Page.Locator("[aria-label='Running requests'] tbody tr");
        await Assertions.Expect(visit.Page.Locator("section[aria-label=Running]")).ToContainTextAsync("No request is running");

        var first = proxy.Client.PostAsJsonAsync("/api/generate", new { model = "snail", prompt = "Why?", options = new { num_predict = 70 } }, TestContext.Current.CancellationToken);
        await Assertions.Expect(running).ToHaveCountAsync(1);
        await Assertions.Expect(running.First).ToContainTextAsync("snail:latest");
        var second = proxy.Client.PostAsJsonAsync("/api/generate", new { model = "snail", prompt = "How?", options = new { num_predict = 5 } }, TestContext.Current.CancellationToken);
        await Assertions.Expect(running.Nth(1)).ToContainTextAsync("queued, place 1");
        await Assertions.Expect(visit.Page.Locator("section[aria-label=Running] .note")).ToHaveTextAsync("1 in Ollama, 1 in the waiting line");
        await Assertions.Expect(running.First).ToContainTextAsync("writing");
        await Assertions.Expect(running.First).ToContainTextAsync("tok/s");
        using var one = await first;
        using var other = await second;

        await Assertions.Expect(running).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Page.Locator("[aria-label='Just finished'] tbody tr")).ToHaveCountAsync(2);
        await Assertions.Expect(visit.Page.Locator(".loaded-model")).ToContainTextAsync("snail:latest");
        await Assertions.Expect(visit.Page.Locator(".loaded-model .memory")).ToHaveAttributeAsync("aria-label", new System.Text.RegularExpressions.Regex("^3[.]03 MiB on the GPU, 3[.]03 MiB on the CPU$"));
        await visit.Page.Locator("[aria-label='Just finished'] tbody tr a").First.ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".why")).ToContainTextAsync("waited");
    }

    [Fact]
    public async Task New_requests_appear_in_the_table_and_the_cards_while_they_are_looked_at()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.OpenAsync("requests?range=1h");
        await visit.Page.GetByLabel("Refresh").SelectOptionAsync("live");
        await Assertions.Expect(visit.Page.Locator(".message")).ToContainTextAsync("No request yet");

        for (var count = 1; count <= 3; count++)
        {
            using var answer = await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "tiny", prompt = $"Number {count}" }, TestContext.Current.CancellationToken);
            await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
            await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(count == 1 ? "1 request" : $"{count} requests");
            await Assertions.Expect(visit.Page.Locator(".requests .body .tr").First).ToContainTextAsync($"Number {count}");
        }
    }

    [Fact]
    public async Task Hostile_texts_stay_texts()
    {
        const string Hostile = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'`${alert(3)}<svg/onload=alert(4)>";
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"));
        var record = Week.Before(TimeProvider.System.GetUtcNow(), 10)[^1] with
        {
            Model = Hostile, Prompt = Hostile, Response = $"# {Hostile}\n\n- {Hostile}\n\n[x](javascript:alert(5)) **{Hostile}**\n\n```{Hostile}\n{Hostile}\n```", System = Hostile, Thinking = Hostile,
            ToolCalls = "[{\"name\":\"<img src=x onerror=alert(6)>\",\"arguments\":\"<script>alert(7)</script>\"}]", UserAgent = Hostile, Application = Hostile, ClientIp = Hostile, Error = Hostile,
            FinishReason = Hostile, Target = "/api/<img>", KeepAlive = Hostile, Status = "error", Outcome = "upstream_error",
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
                await visit.Page.Locator("section[aria-label=Answer] input").ClickAsync();
                await Assertions.Expect(visit.Page.Locator(".prose strong")).ToHaveTextAsync(Hostile);
                await Assertions.Expect(visit.Page.Locator("section[aria-label='Tool calls'] code")).ToHaveTextAsync("<img src=x onerror=alert(6)>");
            }

            Assert.Equal(0, await visit.Page.Locator("main img, main script, #page svg[onload], main a[href^='javascript:']").CountAsync());
        }
    }

    [Fact]
    public async Task Hostile_headers_of_a_live_request_stay_texts()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = [new SimulatedModel("snail:latest") { TokensPerSecond = 2 }] });
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await browser.VisitAsync(proxy.Address);
        await visit.OpenAsync("now");
        using var request = new HttpRequestMessage(HttpMethod.Post, "/api/generate") { Content = JsonContent.Create(new { model = "snail<img src=x onerror=alert(1)>", prompt = "<script>alert(2)</script>" }) };
        request.Headers.TryAddWithoutValidation("User-Agent", "<img src=x onerror=alert(3)>");
        request.Headers.TryAddWithoutValidation("X-Forwarded-For", "<img src=x onerror=alert(4)>");
        using var answer = await proxy.Client.SendAsync(request, TestContext.Current.CancellationToken);

        await Assertions.Expect(visit.Page.Locator("[aria-label='Just finished'] tbody tr")).ToHaveCountAsync(1);
        await Assertions.Expect(visit.Page.Locator("[aria-label='Just finished']")).ToContainTextAsync("<img src=x onerror=alert(1)>");
        Assert.Equal(0, await visit.Page.Locator("main img").CountAsync());
    }

    [Fact]
    public async Task Without_a_store_it_says_how_to_have_one_and_shows_what_runs()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address, ("ANALYTICS_BACKEND", "none"));
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.AddRange(["503: ", "status of 503"]);

        foreach (var view in (string[])["overview", "requests", "models"])
        {
            await visit.OpenAsync(view);
            await Assertions.Expect(visit.Page.Locator(".message")).ToContainTextAsync("ANALYTICS_BACKEND=sqlite");
        }

        await visit.OpenAsync("now");
        await Assertions.Expect(visit.Page.Locator("section[aria-label=Running]")).ToContainTextAsync("No request is running");
        using var answer = await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "tiny", prompt = "a" }, TestContext.Current.CancellationToken);
        await Assertions.Expect(visit.Page.Locator("[aria-label='Just finished'] tbody tr")).ToContainTextAsync("tiny");
    }

    [Fact]
    public async Task Who_has_no_token_logs_in_and_comes_back_to_the_page()
    {
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"), ("ANALYTICS_TOKEN", Token));
        await BusyProxy.WriteAsync(proxy, Week.Before(TimeProvider.System.GetUtcNow(), 20));
        await using var visit = await browser.VisitAsync(proxy.Address, options => options.ExtraHTTPHeaders = new Dictionary<string, string> { ["X-Forwarded-For"] = "192.0.2.7" });
        visit.Expected.AddRange(["401: ", "status of 401"]);

        await visit.OpenAsync("overview?range=all");
        await visit.Page.Locator("input[name=token]").FillAsync(Token);
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Card("requests").WaitForAsync();

        // A token that ends while the page is open.
        await visit.Page.Context.ClearCookiesAsync();
        await visit.Page.Keyboard.PressAsync("r");
        await Assertions.Expect(visit.Page.Locator(".message")).ToContainTextAsync("You may not read this");
        await visit.Page.Locator(".message a", new() { HasText = "Log in" }).ClickAsync();
        await visit.Page.Locator("input[name=token]").WaitForAsync();
    }

    [Fact]
    public async Task A_proxy_that_goes_away_is_told_of_and_one_that_comes_back_is_noticed()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        visit.Expected.AddRange(["Failed to load resource", "ERR_INTERNET_DISCONNECTED"]);
        await visit.OpenAsync("overview?range=24h");
        await visit.Card("requests").WaitForAsync();

        await visit.Page.Context.SetOfflineAsync(true);
        await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("does not answer", new() { Timeout = 60_000 });
        await Assertions.Expect(visit.Card("requests")).ToBeVisibleAsync();
        await visit.Page.Context.SetOfflineAsync(false);
        await Assertions.Expect(visit.Page.Locator(".banner")).ToHaveCountAsync(0, new() { Timeout = 60_000 });
    }

    [Fact]
    public async Task It_works_under_a_prefix()
    {
        await using var before = new PrefixProxy("/tools/ollama", busy.Address);
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"), ("ANALYTICS_TOKEN", Token));
        await BusyProxy.WriteAsync(proxy, Week.Before(TimeProvider.System.GetUtcNow(), 20));
        await using var other = new PrefixProxy("/tools/ollama", proxy.Address);

        foreach (var address in (string[])[$"{other.Address}tools/ollama/analytics", $"{other.Address}tools/ollama/analytics/"])
        {
            await using var visit = await browser.VisitAsync(other.Address);
            await visit.Page.GotoAsync($"{address}#/overview?range=all");
            await visit.Page.Locator("input[name=token]").FillAsync(Token);
            await visit.Page.Keyboard.PressAsync("Enter");
            await visit.Card("requests").WaitForAsync();
            await visit.Page.Keyboard.PressAsync("3");
            await visit.Page.Locator(".requests .body .tr").First.ClickAsync();
            await visit.Page.Locator(".why").WaitForAsync();
        }
    }
}
