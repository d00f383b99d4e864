using System.Text.RegularExpressions;
using Microsoft.Playwright;
using OllamaProxy.Host.Demo;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

[assembly: AssemblyFixture(typeof(OllamaProxy.BrowserTests.Browser))]
[assembly: AssemblyFixture(typeof(OllamaProxy.BrowserTests.BusyProxy))]

namespace OllamaProxy.BrowserTests;

/// <summary>
/// Takes screenshots of every view, light, dark and phone-sized, into artifacts/screenshots for review; eng/screenshots.sh makes those of the
/// documents from them. The tests assert that everything is inside the page, and that the charts are drawn.
/// </summary>
public sealed class ScreenshotTests(Browser browser, BusyProxy busy)
{
    internal static readonly string Folder = Directory.CreateDirectory(Repository.PathOf("artifacts", "screenshots")).FullName;

    public static TheoryData<string, string, int, int> Pictures()
    {
        var data = new TheoryData<string, string, int, int>();
        foreach (var (name, view) in (ReadOnlySpan<(string, string)>)[("overview", "overview?range=24h"), ("requests", "requests?range=7d"),
            ("models", "models?range=24h"), ("search", "requests?range=7d&search=hash&model=qwen3:8b")])
        {
            data.Add($"{name}-light", view, 1360, 860);
            data.Add($"{name}-dark", view, 1360, 860);
            data.Add($"{name}-phone", view, 390, 800);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(Pictures))]
    public async Task A_view_fits_its_page(string name, string view, int width, int height)
    {
        await using var visit = await VisitAsync(busy.Address, name, width, height);

        await visit.OpenAsync(view);
        await visit.Page.Locator(".card .big, .requests tbody tr, table.models tbody tr").First.WaitForAsync();
        await visit.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);

        await AssertFitsAsync(visit);
        await Assertions.Expect(visit.Page.Locator("canvas"))
            .ToHaveCountAsync(view.StartsWith("overview", StringComparison.Ordinal) ? 5 : view.StartsWith("models", StringComparison.Ordinal) ? 1 : 0);
        await PictureAsync(visit, name);
    }

    [Theory]
    [InlineData("overview-tablet", 820)]
    [InlineData("overview-desktop", 1440)]
    [InlineData("overview-wide", 2200)]
    public async Task The_overview_has_no_gap_and_is_aligned_with_the_header(string name, int width)
    {
        await using var visit = await VisitAsync(busy.Address, name, width, 1000);

        await visit.OpenAsync("overview?range=7d");
        await Assertions.Expect(visit.Page.Locator("canvas")).ToHaveCountAsync(5);
        await visit.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);

        await AssertFitsAsync(visit);
        Assert.Equal(
            1,
            await visit.Page.EvaluateAsync<int>(
                "new Set(['.brand', '.segments', '.cards', '.grid'].map(one => Math.round(document.querySelector(one).getBoundingClientRect().left))).size"));
        // All rows of panels end at the same right edge.
        Assert.Equal(
            1,
            await visit.Page.EvaluateAsync<int>("""
                new Set(Object.values(Object.groupBy([...document.querySelectorAll('.grid > *')].map(one => one.getBoundingClientRect()),
                    box => Math.round(box.top)))
                    .map(row => Math.round(Math.max(...row.map(box => box.right))))).size
                """));
        await PictureAsync(visit, name);
    }

    [Theory]
    [InlineData("now")]
    [InlineData("overview?range=7d&model=qwen3:8b")]
    [InlineData("requests?range=7d&model=qwen3:8b")]
    [InlineData("models?range=7d")]
    public async Task On_a_phone_every_control_is_large_enough_to_tap(string view)
    {
        await using var visit = await VisitAsync(busy.Address, "targets-phone", 390, 844);

        await visit.OpenAsync(view);
        await visit.Page.Locator("[data-card=requests] .big, .requests tbody tr, table.models tbody tr, .strip .big").First.WaitForAsync();
        await visit.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);

        Assert.Empty(await visit.Page.EvaluateAsync<string[]>("""
            [...document.querySelectorAll('button, select, input, .button')]
                .filter(one => one.checkVisibility() && one.getBoundingClientRect().height < 39.5).map(one => one.outerHTML.slice(0, 120))
            """));
    }

    [Theory]
    [InlineData("request-light", 1360, 860)]
    [InlineData("request-dark", 1360, 860)]
    [InlineData("request-phone", 390, 800)]
    public async Task One_request_fits_its_page(string name, int width, int height)
    {
        await using var visit = await VisitAsync(busy.Address, name, width, height);
        // A request with queue wait, model load and thinking.
        var id = busy.Records.Select((record, index) => (record, Id: index + 1))
            .Last(entry => entry.record is { LoadCause: not null, Thinking: not null, Status: "success", QueueTime.TotalSeconds: > 0.5 }).Id;

        await visit.OpenAsync($"requests/{id}");
        await visit.Page.Locator(".why").WaitForAsync();
        await visit.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);

        await AssertFitsAsync(visit);
        Assert.True(await visit.Page.Locator(".waterfall li").CountAsync() >= 4);
        await PictureAsync(visit, name);
    }

    [Theory]
    [InlineData("now-light", 1360, 620)]
    [InlineData("now-dark", 1360, 620)]
    [InlineData("now-phone", 390, 800)]
    public async Task The_view_of_running_requests_fits_its_page(string name, int width, int height)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(DemoOllama.Options, keepsRequests: false);
        await using var proxy = await BusyProxy.StartAsync(ollama.Address, ("MAX_CONCURRENT_REQUESTS", "4"), ("TRUSTED_PROXIES", "localhost"));
        using var stop = new CancellationTokenSource();
        var traffic = DemoTraffic.RunAsync(proxy.Address, ollama.Faults, TimeProvider.System, stop.Token);
        await using (var visit = await VisitAsync(proxy.Address, name, width, height))
        {
            await visit.OpenAsync("now");
            await visit.Page.Locator("[aria-label='Just finished'] tbody tr").Nth(9).WaitForAsync();
            await visit.Page.Locator(".loaded-model").Nth(2).WaitForAsync();
            await visit.Page.Locator(".p-writing").First.WaitForAsync();

            await AssertFitsAsync(visit);
            await PictureAsync(visit, name);
        }

        await stop.CancelAsync();
        await traffic;
    }

    [Theory]
    [InlineData("empty-light", 1360, 620)]
    [InlineData("empty-phone", 390, 800)]
    public async Task An_empty_store_shows_how_to_send_a_first_request(string name, int width, int height)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await VisitAsync(proxy.Address, name, width, height);

        foreach (var view in (string[])["models", "requests", "overview"])
        {
            await visit.OpenAsync(view);

            var address = proxy.Address.GetLeftPart(UriPartial.Authority);
            await Assertions.Expect(visit.Page.Locator(".message pre").First).ToContainTextAsync($"curl {address}/api/generate");
            await Assertions.Expect(visit.Page.Locator(".message pre").Last).ToContainTextAsync("claude --model slow:latest");
            await AssertFitsAsync(visit);
        }

        await PictureAsync(visit, name);
    }

    [Theory]
    [InlineData("table-tablet", 820)]
    [InlineData("table-desktop", 1440)]
    [InlineData("table-wide", 2200)]
    public async Task Headings_stand_above_their_columns(string name, int width)
    {
        await using var visit = await VisitAsync(busy.Address, name, width, 900);

        await visit.OpenAsync("requests?range=7d");
        await visit.Page.Locator(".requests tbody tr").First.WaitForAsync();

        // Numbers are right-aligned, and texts left-aligned, with their headings.
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>("""
            [...document.querySelectorAll('.requests th')].filter(one => one.checkVisibility()).flatMap(heading => {
                const key = [...heading.classList].find(name => name.startsWith('k-'));
                const edge = one => Math.round(one.getBoundingClientRect()[heading.classList.contains('number') ? 'right' : 'left']);
                return [...document.querySelectorAll(`.requests td.${key}`)].filter(cell => edge(cell) !== edge(heading)).slice(0, 1)
                    .map(cell => `${key}: ${edge(heading)} and ${edge(cell)}`);
            })
            """));
        await AssertFitsAsync(visit);
    }

    [Theory]
    [InlineData("columns-phone", 390)]
    [InlineData("columns-small-tablet", 768)]
    [InlineData("columns-tablet", 820)]
    [InlineData("columns-large-tablet", 1024)]
    [InlineData("columns-desktop", 1280)]
    public async Task Every_column_is_visible_without_scrolling(string name, int width)
    {
        await using var visit = await VisitAsync(busy.Address, name, width, 844);

        foreach (var view in (string[])["models?range=7d", "requests?range=7d", "now"])
        {
            await visit.OpenAsync(view);
            await visit.Page.Locator("table.models tbody tr, .requests tbody tr, [aria-label='Requests that just finished'] tbody tr").First.WaitForAsync();

            Assert.Empty(await visit.Page.EvaluateAsync<string[]>("""
                [document.documentElement, ...document.querySelectorAll('main .scroll, main .windowed')]
                    .filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel ?? one.outerHTML.slice(0, 40))
                """));
            await PictureAsync(visit, $"{name}-{view.Split('?')[0]}");
        }
    }

    [Fact]
    public async Task The_only_model_is_shown_over_time()
    {
        await using var visit = await VisitAsync(busy.Address, "model-alone", 1440, 900);

        await visit.OpenAsync("models?range=7d&model=qwen3:8b");

        await visit.Page.Locator("figure[aria-label^='Speed of qwen3:8b over time'] canvas").WaitForAsync();
        await Assertions.Expect(visit.Page.Locator("#compare table")).ToHaveCountAsync(0);
        await PictureAsync(visit, "model-alone");
    }

    [Fact]
    public async Task A_tablet_shows_the_columns_that_fit_until_the_user_chooses_columns()
    {
        await using var visit = await VisitAsync(busy.Address, "chosen-tablet", 820, 900);
        // The sorted column has an arrow after its name.
        Task AssertHeadingsAsync(string headings) => Assertions.Expect(visit.Page.Locator(".requests thead tr"))
            .ToHaveTextAsync(new Regex($"^{headings.Replace(", ", "( ↓)?\\s*", StringComparison.Ordinal)}$"));

        await visit.OpenAsync("requests?range=7d");
        await AssertHeadingsAsync("Time, Model, Outcome, Prompt, Speed, Duration");
        await visit.Page.SetViewportSizeAsync(1440, 900);
        await AssertHeadingsAsync("Time, Model, Outcome, Prompt, Application, In, Out, Speed, First token, Where time went, Duration");
        await visit.Page.SetViewportSizeAsync(820, 900);
        await visit.Page.Locator("summary", new() { HasText = "Columns" }).ClickAsync();
        await visit.Page.Locator(".menu label", new() { HasText = "Endpoint" }).ClickAsync();
        await AssertHeadingsAsync("Time, Model, Outcome, Prompt, Endpoint, Speed, Duration");
        await visit.Page.SetViewportSizeAsync(1440, 900);
        await AssertHeadingsAsync("Time, Model, Outcome, Prompt, Endpoint, Speed, Duration");
    }

    [Theory]
    [InlineData("down-phone", 390)]
    [InlineData("down-tablet", 820)]
    [InlineData("down-desktop", 1440)]
    public async Task The_warning_about_an_unresponsive_Ollama_fits_the_page(string name, int width)
    {
        await using var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"));
        await using var visit = await VisitAsync(proxy.Address, name, width, 900);
        visit.Expected.AddRange(["503: ", "status of 503"]);

        await visit.OpenAsync("overview");
        await Assertions.Expect(visit.Page.Locator(".banner")).ToContainTextAsync("Ollama does not answer at http://127.0.0.1:9");

        await AssertFitsAsync(visit);
        Assert.True(await visit.Page.EvaluateAsync<bool>("document.documentElement.scrollWidth <= document.documentElement.clientWidth"));
        await PictureAsync(visit, name);
    }

    private Task<Visit> VisitAsync(Uri address, string name, int width, int height) => browser.VisitAsync(address, options =>
    {
        options.ViewportSize = new ViewportSize { Width = width, Height = height };
        options.ColorScheme = name.EndsWith("-dark", StringComparison.Ordinal) ? ColorScheme.Dark : ColorScheme.Light;
        options.DeviceScaleFactor = 2;
        options.HasTouch = name.EndsWith("-phone", StringComparison.Ordinal);
    });

    internal static async Task AssertFitsAsync(Visit visit) =>
        Assert.Empty(await visit.Page.EvaluateAsync<string[]>("""
            document.documentElement.scrollWidth <= document.documentElement.clientWidth ? []
                : [...document.querySelectorAll('main *')]
                    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth && !one.closest('.scroll'))
                    .map(one => one.outerHTML.slice(0, 120))
            """));

    private static Task<byte[]> PictureAsync(Visit visit, string name) =>
        visit.Page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(Folder, $"{name}.png"),
            FullPage = name.StartsWith("overview", StringComparison.Ordinal) || name.EndsWith("-phone", StringComparison.Ordinal) });
}
