using System.Globalization;
using System.Text.Json;
using Microsoft.Playwright;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>Compares the views with the API and the records. Every visit ends with the check that the page had no errors.</summary>
public sealed partial class ViewTests(Browser browser, BusyProxy busy)
{
    private static DateTimeOffset Now => TimeProvider.System.GetUtcNow();

    [Theory]
    [InlineData("range=7d")]
    [InlineData("range=7d&model=qwen3:8b")]
    [InlineData("range=all&kind=all")]
    [InlineData("range=7d&status=error&application=open-webui")]
    [InlineData("range=7d&search=hash&min_latency=2")]
    public async Task Cards_chart_and_table_are_of_the_same_requests_as_the_API_and_the_store(string words)
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        var expected = Matching(words);

        await visit.OpenAsync($"overview?{words}");
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(StartingWith(expected));
        var chart = await visit.Page.Locator("figure[aria-label^='Requests over time']").GetAttributeAsync("aria-label");
        var asked = visit.Page.WaitForResponseAsync(response => response.Url.Contains("/analytics/search?", StringComparison.Ordinal));
        await visit.OpenAsync($"requests?{words}");
        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(expected));
        var query = new Uri((await asked).Url).Query;
        var rows = await visit.Page.Locator("[role=grid]").GetAttributeAsync("aria-rowcount");
        var api = JsonElement.Parse(await busy.Proxy.Client.GetStringAsync($"/analytics/stats{WithoutPage(query)}")).GetProperty("total").GetProperty(
            "requests").GetInt32();

        Assert.True(expected > 0, "A filter that finds nothing proves nothing.");
        Assert.Equal((expected, expected.ToString(CultureInfo.InvariantCulture)), (api, rows));
        Assert.EndsWith($", {expected.ToString("N0", CultureInfo.InvariantCulture)} in all", chart, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_click_in_a_list_filters_the_whole_page_and_changes_the_address()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("overview?range=7d");
        await visit.Card("requests").WaitForAsync();

        await visit.Page.Locator("section[aria-label=Models] .bars button").First.ClickAsync();
        await Assertions.Expect(visit.Page.Locator("select").Filter(new() { HasText = "All models" })).ToHaveValueAsync("llama3.2:3b");
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(StartingWith(Matching("range=7d&model=llama3.2:3b")));
        Assert.Equal(1, await visit.Page.Locator("section[aria-label=Models] .bars li").CountAsync());
        Assert.Contains("model=llama3.2%3A3b", visit.Page.Url, StringComparison.Ordinal);

        await visit.Page.GoBackAsync();
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(StartingWith(Matching("range=7d")));
    }

    [Fact]
    public async Task A_bar_of_the_histogram_leads_to_its_requests()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("overview?range=7d");
        var bar = visit.Page.Locator(".histogram button[aria-label^='5.00 s to 6.30 s']");

        await bar.ClickAsync();

        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(StartingWith(Matching("range=7d&min_latency=5&max_latency=6.3")));
    }

    [Fact]
    public async Task An_error_type_leads_to_its_requests_and_its_chip_to_all()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("overview?range=7d");
        await visit.Page.Locator("section[aria-label=Errors].panel .bars button", new() { HasText = "model not found" }).ClickAsync();

        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(Matching("range=7d&error_type=model_not_found")));
        await visit.Page.Locator(".requests tbody tr").First.WaitForAsync();
        Assert.All(await visit.Page.Locator(".requests tbody .status").AllTextContentsAsync(), word => Assert.Equal("model not found", word));

        await visit.Page.GetByLabel("Remove filter Error: model not found").ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(Matching("range=7d")));
        await Assertions.Expect(visit.Page.Locator(".chip")).ToHaveCountAsync(0);
    }

    [Fact]
    public async Task Filters_are_chips_that_can_be_removed_one_by_one_or_all_at_once()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("requests?range=7d&model=qwen3:8b&status=error&min_latency=0.1&max_latency=60");
        var chips = visit.Page.Locator(".chip");
        await Assertions.Expect(chips).ToHaveTextAsync(["Model: qwen3:8b", "Outcome: any error", "Duration: 0.1 to 60 s"]);

        await chips.Last.ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(Matching("range=7d&model=qwen3:8b&status=error")));
        await visit.Page.GetByText("Clear all").ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(Matching("range=7d")));
    }

    [Theory]
    [InlineData("errors", "status=error", "sort=")]
    [InlineData("speed", "", "sort=tokens_per_second")]
    [InlineData("duration", "", "sort=-latency")]
    public async Task A_card_leads_to_the_requests_behind_its_number(string card, string filter, string sort)
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("overview?range=7d");

        await visit.Page.Locator($"[data-card={card}]").ClickAsync();

        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(Matching($"range=7d&{filter}")));
        Assert.Equal(sort != "sort=", visit.Page.Url.Contains(sort, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_click_on_a_name_or_bar_of_a_chart_filters_by_it()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("overview?range=7d");
        var speed = visit.Page.Locator("figure[aria-label^='Speed over time']");
        await speed.Locator(".key", new() { HasText = "p5" }).Last.ClickAsync();
        await Assertions.Expect(speed.Locator(".key.off")).ToHaveCountAsync(2);
        await speed.Locator(".key", new() { HasText = "p5" }).Last.ClickAsync();
        await Assertions.Expect(speed.Locator(".key.off")).ToHaveCountAsync(0);

        var requests = visit.Page.Locator("figure[aria-label^='Requests over time']");
        await requests.Locator(".key", new() { HasText = "gemma3:12b" }).ClickAsync();
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(StartingWith(Matching("range=7d&model=gemma3:12b")));
        await requests.Locator(".key", new() { HasText = "gemma3:12b" }).ClickAsync();
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(StartingWith(Matching("range=7d")));

        // The last two hours have many requests, and the most used model is at the bottom.
        LocatorBoundingBoxResult? box = null;
        // New data replaces the chart.
        await Eventually.TrueAsync(async () => (box = await requests.Locator(".u-over").BoundingBoxAsync()) is not null);
        await visit.Page.Mouse.ClickAsync(box!.X + (box.Width * (1 - (1.5f / 169))), box.Y + box.Height - 3);
        await Assertions.Expect(visit.Card("requests")).ToHaveTextAsync(StartingWith(Matching("range=7d&model=llama3.2:3b")));
    }

    [Fact]
    public async Task Each_row_shows_where_its_time_went()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        var record = busy.Records.Last(one => one is { Status: "success", Endpoint.Label: "chat", LoadCause: not null, IsInference: true });

        await visit.OpenAsync(
            $"requests?range=all&model={record.Model}&min_latency={record.Latency.TotalSeconds.ToString(CultureInfo.InvariantCulture)}&sort=latency");

        var bar = visit.Page.Locator(".requests tbody tr").First.Locator(".phases");
        await Assertions.Expect(bar)
            .ToHaveAttributeAsync("aria-label", new System.Text.RegularExpressions.Regex("Loading the model .*, .*Reading the prompt .*, Writing "));
        Assert.InRange(await bar.Locator(".phase-decode").EvaluateAsync<double>("one => one.getBoundingClientRect().width"), 1, 110);
    }

    [Fact]
    public async Task The_table_of_models_is_sorted_by_mouse_and_keyboard()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("models?range=7d");
        var first = visit.Page.Locator("table.models tbody tr").First.Locator("th");
        await Assertions.Expect(first).ToHaveTextAsync("llama3.2:3b");

        await visit.Page.Locator("table.models button", new() { HasText = "Model" }).ClickAsync();
        await Assertions.Expect(first).ToHaveTextAsync("deepseek-r1:14b");
        await visit.Page.Locator("table.models button", new() { HasText = "Speed p50" }).FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(first).ToHaveTextAsync("llama3.2:3b");
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(first).ToHaveTextAsync("deepseek-r1:14b");
        await Assertions.Expect(visit.Page.Locator("table.models [aria-sort=ascending]")).ToHaveTextAsync("Speed p50 ↑");
    }

    [Fact]
    public async Task Dragging_over_a_chart_selects_that_time_range()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("overview?range=24h");
        var before = Visit.Number(await visit.Card("requests").TextContentAsync() ?? "");
        var box = (await visit.Page.Locator(".u-over").First.BoundingBoxAsync())!;

        await visit.Page.Mouse.MoveAsync(box.X + (box.Width * 0.5f), box.Y + 40);
        await visit.Page.Mouse.DownAsync();
        await visit.Page.Mouse.MoveAsync(box.X + (box.Width * 0.75f), box.Y + 60, new MouseMoveOptions { Steps = 5 });
        await visit.Page.Mouse.UpAsync();

        await Assertions.Expect(visit.Page.Locator("button", new() { HasText = "Custom" })).ToHaveAttributeAsync("aria-pressed", "true");
        var words = System.Web.HttpUtility.ParseQueryString(visit.Page.Url.Split('?')[1]);
        Assert.InRange(long.Parse(words["to"]!, CultureInfo.InvariantCulture) - long.Parse(words["from"]!, CultureInfo.InvariantCulture), 5 * 3_600, 8 * 3_600);
        await Eventually.TrueAsync(async () => Visit.Number(await visit.Card("requests").TextContentAsync() ?? "") is > 0 and var now && now < before);
    }

    [Fact]
    public async Task The_table_scrolls_to_the_last_request_and_renders_only_visible_rows()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("requests?range=7d&model=deepseek-r1:14b&sort=latency");
        var rows = visit.Page.Locator(".requests tbody tr");
        await rows.First.WaitForAsync();
        var expected = Matching("range=7d&model=deepseek-r1:14b");

        await visit.Page.Locator(".requests").FocusAsync();
        await Eventually.TrueAsync(async () =>
        {
            await visit.Page.Keyboard.PressAsync("End");
            return await rows.Last.GetAttributeAsync("aria-rowindex") == (expected + 1).ToString(CultureInfo.InvariantCulture);
        });

        Assert.InRange(await rows.CountAsync(), 10, 80);
        var slowest = busy.Records.Where(record => record.Model == "deepseek-r1:14b" && record.Timestamp > Now.AddDays(-7)).Max(record => record.Latency);
        await Assertions.Expect(rows.Last.Locator("[role=gridcell]").Last)
            .ToHaveTextAsync($"{slowest.TotalSeconds.ToString("F1", CultureInfo.InvariantCulture)} s");
    }

    [Fact]
    public async Task A_request_can_be_found_opened_and_closed_by_keyboard()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        await visit.OpenAsync("overview?range=7d");
        await visit.Card("requests").WaitForAsync();

        await visit.Page.Keyboard.PressAsync("3");
        await visit.Page.Locator(".requests tbody tr").First.WaitForAsync();
        await visit.Page.Keyboard.PressAsync("/");
        await visit.Page.Keyboard.TypeAsync("lighthouse");
        await Assertions.Expect(visit.Page.Locator(".count")).ToHaveTextAsync(StartingWith(Matching("range=7d&search=lighthouse")));
        await visit.Page.Keyboard.PressAsync("Tab");
        await visit.Page.Locator(".requests").FocusAsync();
        await visit.Page.Keyboard.PressAsync("j");
        await visit.Page.Keyboard.PressAsync("j");
        await Assertions.Expect(visit.Page.Locator(".requests tr.active")).ToHaveAttributeAsync("aria-rowindex", "3");
        await visit.Page.Keyboard.PressAsync("Enter");
        await visit.Page.Locator(".why").WaitForAsync();
        await Assertions.Expect(visit.Page.Locator(".turn mark").First).ToHaveTextAsync("lighthouse");
        await visit.Page.Keyboard.PressAsync("Escape");
        await Assertions.Expect(visit.Page.Locator(".requests tr.active")).ToHaveAttributeAsync("aria-rowindex", "3");
        await visit.Page.Keyboard.PressAsync("?");
        await Assertions.Expect(visit.Page.Locator("dialog")).ToBeVisibleAsync();
        await Assertions.Expect(visit.Page.Locator("dialog button")).ToBeFocusedAsync();
    }

    [Fact]
    public async Task A_request_shows_where_its_time_went_and_links_to_others_of_the_same_client()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        var (record, id) = busy.Records.Select((record, index) => (record, index + 1))
            .Last(entry => entry.record is { LoadCause: LoadCause.Evicted, Status: "success", Endpoint.Label: "chat", ImageCount: null, ToolCount: null });

        await visit.OpenAsync($"requests/{id}");

        await Assertions.Expect(visit.Page.Locator(".why")).ToContainTextAsync("loading the model (evicted by another model)");
        await Assertions.Expect(visit.Page.Locator("section[aria-label=User] .prose")).ToHaveTextAsync(record.Prompt!);
        var next = busy.Records.Select((other, index) => (other, index + 1))
            .FirstOrDefault(entry => entry.Item2 > id && entry.other.ClientIp == record.ClientIp && entry.other.IsInference);
        if (next.other is not null)
        {
            // The neighboring requests are loaded separately from the request itself.
            await visit.Page.Locator("a", new() { HasText = "Next →" }).WaitForAsync();
            await visit.Page.Keyboard.PressAsync("]");
            await Assertions.Expect(visit.Page).ToHaveTitleAsync($"Request {next.other.RequestId} · ollama-proxy");
            await visit.Page.Locator("section[aria-label=User]").WaitForAsync();
            await visit.Page.Locator("a", new() { HasText = "← Previous" }).ClickAsync();
            await Assertions.Expect(visit.Page).ToHaveTitleAsync($"Request {record.RequestId} · ollama-proxy");
        }
    }

    private int Matching(string words)
    {
        var query = System.Web.HttpUtility.ParseQueryString(words);
        var from = query["range"] switch { "7d" => Now.AddDays(-7), "24h" => Now.AddDays(-1), _ => DateTimeOffset.MinValue };
        double? min = query["min_latency"] is { } low ? double.Parse(low, CultureInfo.InvariantCulture) : null;
        double? max = query["max_latency"] is { } high ? double.Parse(high, CultureInfo.InvariantCulture) : null;
        return busy.Records.Count(record =>
            record.Timestamp >= from
            && (query["kind"] == "all" || record.IsInference)
            && (query["model"] is not { } model || record.Model == model)
            && (query["category"] is not { } category || record.Category.Label() == category)
            && (query["status"] is not { } status || record.Status == status)
            && (query["error_type"] is not { } errorType || record.ErrorType?.Name() == errorType)
            && (query["application"] is not { } application || record.Application == application)
            && (query["search"] is not { } search || record.Prompt?.Contains(search, StringComparison.OrdinalIgnoreCase) == true
                || record.Response?.Contains(search, StringComparison.OrdinalIgnoreCase) == true)
            && (min is null || record.Latency.TotalSeconds >= min)
            && (max is null || record.Latency.TotalSeconds <= max));
    }

    private static string Text(int number) => number.ToString("N0", CultureInfo.InvariantCulture);

    private static System.Text.RegularExpressions.Regex StartingWith(int number) => new($"^{Text(number)}(?![0-9,])");

    private static string WithoutPage(string query)
    {
        var words = System.Web.HttpUtility.ParseQueryString(query);
        words.Remove("limit");
        words.Remove("sort");
        return $"?{words}";
    }
}
