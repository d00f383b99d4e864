using System.Text.Json;
using Microsoft.Playwright;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>Runs axe, the rules that most accessibility checkers share, on every view in both color schemes.</summary>
public sealed class AccessibilityTests(Browser browser, BusyProxy busy)
{
    private static readonly string s_axe = File.ReadAllText(
        Repository.PathOf("src", "OllamaProxy.Host", "Dashboard", "web", "node_modules", "axe-core", "axe.min.js"));

    public static TheoryData<string, ColorScheme, int> Views()
    {
        var data = new TheoryData<string, ColorScheme, int>();
        foreach (var view in (string[])["now", "overview?range=7d", "requests?range=7d&search=hash", "requests/4000", "models?range=7d"])
        {
            data.Add(view, ColorScheme.Light, 1360);
            data.Add(view, ColorScheme.Dark, 1360);
            data.Add(view, ColorScheme.Light, 390);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Views))]
    public async Task Axe_finds_no_serious_violation(string view, ColorScheme colors, int width)
    {
        await using var visit = await browser.VisitAsync(busy.Address, options =>
        {
            options.ColorScheme = colors;
            options.ViewportSize = new ViewportSize { Width = width, Height = 900 };
        });
        await visit.OpenAsync(view);
        await visit.Page.Locator(".card .big, .requests tbody tr, table.models tbody tr, .why, section[aria-label=Running]").First.WaitForAsync();
        await visit.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);
        if (width > 700 && view.Contains('?', StringComparison.Ordinal))
        {
            await visit.Page.Locator("button.more").ClickAsync();
        }

        await AssertCleanAsync(visit.Page);
    }

    internal static async Task AssertCleanAsync(IPage page)
    {
        // The debugger protocol evaluates the script despite the content security policy, which stays unchanged.
        await page.EvaluateAsync(s_axe);
        var found =
            await page.EvaluateAsync<JsonElement>("""
                axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(
                    one => ({ id: one.id, impact: one.impact, help: one.help, nodes: one.nodes.map(node => node.html).slice(0, 3) })))
                """);

        Assert.Empty(found.EnumerateArray().Where(violation => violation.GetProperty("impact").GetString() is "serious" or "critical").Select(
            violation => violation.GetRawText()));
        Assert.True(await page.EvaluateAsync<bool>("axe.run(document).then(found => found.passes.length > 15)"), "axe checked almost nothing.");
    }
}
