using System.Globalization;
using System.Text.Json;
using Microsoft.Playwright;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>The content of an export, the remembered choices, and the comparison of two models.</summary>
public sealed partial class ViewTests
{
    [Theory]
    [InlineData("CSV")]
    [InlineData("JSON")]
    public async Task An_export_has_exactly_the_records_shown(string format)
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("requests?range=7d&category=creative&model=phi4:latest&status=success");
        var expected = Matching("range=7d&category=creative&model=phi4:latest&status=success");
        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(expected));

        var download = await visit.Page.RunAndWaitForDownloadAsync(() => visit.Page.Locator(".table-head a", new() { HasText = format }).ClickAsync());
        var text = await File.ReadAllTextAsync(await download.PathAsync(), TestContext.Current.CancellationToken);

        // A line break within quotes is part of a text.
        var got = format == "CSV"
            ? text.Split('"').Where((_, index) => index % 2 == 0).Sum(part => part.Count('\n')) - 1
            : JsonElement.Parse(text).GetArrayLength();
        Assert.Equal(expected, got);
        Assert.Equal($"analytics_export.{format.ToLowerInvariant()}", download.SuggestedFilename);
    }

    [Fact]
    public async Task The_choices_of_the_user_are_remembered()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("requests?range=7d");
        await visit.Page.Locator(".requests tbody tr").First.WaitForAsync();
        await visit.Page.Locator("summary", new() { HasText = "Columns" }).ClickAsync();
        await visit.Page.Locator(".menu label", new() { HasText = "Endpoint" }).ClickAsync();
        await visit.Page.Locator("button", new() { HasText = "1 h" }).ClickAsync();
        await visit.Page.GetByLabel("Colors:").ClickAsync();
        await visit.Page.GetByLabel("Refresh").SelectOptionAsync("60");

        await visit.Page.GotoAsync("about:blank");
        await visit.OpenAsync("requests");

        await Assertions.Expect(visit.Page.Locator("[role=columnheader]", new() { HasText = "Endpoint" })).ToBeVisibleAsync();
        await Assertions.Expect(visit.Page.Locator("button", new() { HasText = "1 h" })).ToHaveAttributeAsync("aria-pressed", "true");
        await Assertions.Expect(visit.Page.Locator("html")).ToHaveAttributeAsync("data-theme", "dark");
        await Assertions.Expect(visit.Page.GetByLabel("Refresh")).ToHaveValueAsync("60");
    }

    [Fact]
    public async Task Two_models_are_compared_with_the_numbers_of_the_API()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("models?range=7d");
        await visit.Page.GetByLabel("First model").SelectOptionAsync("gemma3:12b");
        await visit.Page.GetByLabel("Second model").SelectOptionAsync("phi4:latest");

        var requests = visit.Page.Locator("#compare tbody tr").First.Locator("td");
        await Assertions.Expect(requests.Nth(0)).ToHaveTextAsync(Text(Matching("range=7d&model=gemma3:12b")));
        await Assertions.Expect(requests.Nth(1)).ToHaveTextAsync(Text(Matching("range=7d&model=phi4:latest")));
        var loads = busy.Records.Count(
            record => record is { Model: "gemma3:12b", LoadCause: not null, IsInference: true } && record.Timestamp > Now.AddDays(-7));
        await Assertions.Expect(visit.Page.Locator("table.models tbody tr", new() { HasText = "gemma3:12b" }).Locator("td").Nth(8))
            .ToHaveTextAsync(Text(loads));
    }

    /// <summary>Counts the records that match the query of an address, by a simple independent implementation.</summary>
}
