using System.Net.Http.Json;
using Microsoft.Playwright;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>The page without a store, without a token, without a proxy, and under a prefix.</summary>
public sealed partial class StateTests
{
    [Fact]
    public async Task Without_a_store_the_page_explains_how_to_enable_one_and_shows_running_requests()
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
    public async Task A_user_without_a_token_logs_in_and_returns_to_the_page()
    {
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"), ("ANALYTICS_TOKEN", Token));
        await BusyProxy.WriteAsync(proxy, BusyProxy.Week(proxy, 20));
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.AddRange(["401: ", "status of 401"]);

        await visit.OpenAsync("overview?range=all");
        await visit.Page.Locator("input[name=token]").FillAsync(Token);
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Card("requests").WaitForAsync();

        // The token becomes invalid while the page is open.
        await visit.Page.Context.ClearCookiesAsync();
        await visit.Page.Keyboard.PressAsync("r");
        await Assertions.Expect(visit.Page.Locator(".message")).ToContainTextAsync("Access denied");
        await visit.Page.Locator(".message a", new() { HasText = "Log in" }).ClickAsync();
        await visit.Page.Locator("input[name=token]").WaitForAsync();
    }

    [Fact]
    public async Task A_lost_connection_to_the_proxy_is_shown_until_it_answers_again()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        visit.Expected.AddRange(["Failed to load resource", "ERR_INTERNET_DISCONNECTED"]);
        await visit.OpenAsync("overview?range=24h");
        await visit.Card("requests").WaitForAsync();

        await visit.Page.Context.SetOfflineAsync(true);
        await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("does not answer");
        await Assertions.Expect(visit.Card("requests")).ToBeVisibleAsync();
        await visit.Page.Context.SetOfflineAsync(false);
        await Assertions.Expect(visit.Page.Locator(".banner")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task The_page_works_under_a_prefix()
    {
        await using var before = new PrefixProxy("/tools/ollama", busy.Address);
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"), ("ANALYTICS_TOKEN", Token));
        await BusyProxy.WriteAsync(proxy, BusyProxy.Week(proxy, 20));
        await using var other = new PrefixProxy("/tools/ollama", proxy.Address);

        foreach (var address in (string[])[$"{other.Address}tools/ollama/analytics", $"{other.Address}tools/ollama/analytics/"])
        {
            await using var visit = await browser.VisitAsync(other.Address);
            await visit.Page.GotoAsync($"{address}#/overview?range=all");
            await visit.Page.Locator("input[name=token]").FillAsync(Token);
            await visit.Page.Keyboard.PressAsync("Enter");
            await visit.Card("requests").WaitForAsync();
            await visit.Page.Keyboard.PressAsync("3");
            await visit.Page.Locator(".requests tbody tr").First.ClickAsync();
            await visit.Page.Locator(".why").WaitForAsync();
        }
    }
}
