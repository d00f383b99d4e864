using System.Globalization;
using Microsoft.Playwright;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>Proxies and backends: filters, tables and columns where a store has several of them, and nothing of it where it has one.</summary>
public sealed class PlaceTests(Browser browser)
{
    private const string Everything = "range=all&kind=all";

    [Fact]
    public async Task Several_proxies_and_backends_are_compared_and_filtered_by()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        RequestRecord[] records =
        [
            .. BusyProxy.Week(proxy, 60).Select((record, index) =>
                record with { Proxy = index % 3 == 0 ? "east" : "west", Backend = $"gpu-{index % 2}:11434" }),
        ];
        await BusyProxy.WriteAsync(proxy, records);
        var east = records.Count(record => record.Proxy == "east").ToString(CultureInfo.InvariantCulture);
        await using var visit = await browser.VisitAsync(proxy.Address);

        await visit.OpenAsync($"overview?{Everything}");
        var proxies = visit.Page.Locator("section[aria-label=Proxies] tbody tr");
        await Assertions.Expect(proxies).ToHaveCountAsync(2);
        await Assertions.Expect(proxies.Filter(new() { HasText = "east" }).Locator("td").First).ToHaveTextAsync(east);
        await Assertions.Expect(visit.Page.Locator("section[aria-label=Backends] tbody tr")).ToHaveCountAsync(2);
        await AccessibilityTests.AssertCleanAsync(visit.Page);
        await visit.Page.SetViewportSizeAsync(390, 844);
        await ScreenshotTests.AssertFitsAsync(visit);
        await visit.Page.SetViewportSizeAsync(1360, 900);

        var split = visit.Page.GetByRole(AriaRole.Group, new() { Name = "Divided by" });
        await split.GetByText("Backend").ClickAsync();
        var chart = visit.Page.Locator("figure[aria-label^='Requests over time by backend']");
        await Assertions.Expect(chart.Locator(".key")).ToHaveCountAsync(2);
        await Assertions.Expect(chart).ToContainTextAsync("gpu-1:11434");
        await split.GetByText("Model").ClickAsync();
        await Assertions.Expect(visit.Page.Locator("figure[aria-label^='Requests over time by model']")).ToBeVisibleAsync();

        await proxies.GetByText("east").ClickAsync();
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(east);
        await Assertions.Expect(visit.Page.Locator(".chip").First).ToHaveTextAsync("Proxy: east");
        await visit.Page.Keyboard.PressAsync("3");
        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync($"{east} requests");
        await visit.Page.Locator("summary", new() { HasText = "Columns" }).ClickAsync();
        await visit.Page.Locator(".menu label", new() { HasText = "Proxy" }).ClickAsync();
        var row = visit.Page.Locator(".requests tbody tr").First;
        await Assertions.Expect(row).ToContainTextAsync("east");

        await row.ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".facts")).ToContainTextAsync("Proxyeast");
        var newest = records.Where(record => record.Proxy == "east").MaxBy(record => record.Timestamp)!;
        Assert.Contains($"#/requests/{newest.RequestId}?", visit.Page.Url, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_proxy_and_one_backend_add_nothing_to_choose()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        // Imported records name neither.
        RequestRecord[] records = [.. BusyProxy.Week(proxy, 60).Select(record => record with { Proxy = "here", Backend = "local" })];
        await BusyProxy.WriteAsync(proxy, [records[0] with { Proxy = null, Backend = null }, .. records[1..]]);
        await using var visit = await browser.VisitAsync(proxy.Address);

        foreach (var view in (string[])["overview", "requests"])
        {
            await visit.OpenAsync($"{view}?{Everything}");
            // The names for the filters have arrived.
            await visit.Page.Locator("#known-application option").First.WaitForAsync(new() { State = WaitForSelectorState.Attached });
            await visit.Page.Locator(view == "overview" ? ".cards" : ".requests tbody tr").First.WaitForAsync();

            await Assertions.Expect(visit.Page.Locator("section[aria-label=Proxies], section[aria-label=Backends]")).ToHaveCountAsync(0);
            await Assertions.Expect(visit.Page.GetByRole(AriaRole.Group, new() { Name = "Divided by" })).ToHaveCountAsync(0);
            await Assertions.Expect(visit.Page.Locator(".field, .menu label").Filter(new() { HasTextRegex = new("Proxy|Backend") })).ToHaveCountAsync(0);
        }
    }
}
