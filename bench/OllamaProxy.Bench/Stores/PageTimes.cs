using System.Globalization;
using Microsoft.Playwright;
using OllamaProxy.Bench.Report;

namespace OllamaProxy.Bench.Stores;

/// <summary>
/// The dashboard in a real browser, before a store with very many records: how soon it is there, and how soon it answers a filter. Times are the page's own.
/// </summary>
internal sealed class PageTimes(int port)
{
    private const int Times = 5;

    private static readonly string[] s_places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable",
        "/snap/bin/chromium"];

    private static readonly (string View, string Range)[] s_views = [("overview", "24h"), ("overview", "7d"), ("requests", "24h"), ("requests", "7d"),
        ("models", "24h"), ("models", "7d")];

    /// <summary>
    /// From the last byte of the HTML: the first paint with something in it, when the page answers to keys and clicks, and when nothing of the view is waited
    /// for any more. A page that is no dashboard has only the first.
    /// </summary>
    private const string Loaded = """
        ([isDashboard]) => new Promise(resolve => {
          const look = () => {
            const paint = performance.getEntriesByName('first-contentful-paint')[0];
            const html = performance.getEntriesByType('navigation')[0].responseEnd;
            const interactive = performance.getEntriesByName('interactive')[0]?.startTime;
            if (paint && !isDashboard) {
              resolve([paint.startTime - html]);
            } else if (paint && interactive && document.querySelector('main .view, main .requests') && !document.querySelector('[aria-busy=true]')) {
              resolve([paint.startTime - html, interactive - html, performance.now() - html]);
            } else {
              requestAnimationFrame(look);
            }
          };
          look();
        })
        """;

    /// <summary>
    /// From the choice to the moment when its answer, whole, is in the page, and to that when its charts are drawn, which begins in the frame after it. What
    /// was there before is drawn when the choice is made.
    /// </summary>
    private const string Chosen = """
        ([label, value]) => new Promise(resolve => {
          const drawn = then => requestAnimationFrame(() => setTimeout(() => requestAnimationFrame(() => setTimeout(then))));
          const select = [...document.querySelectorAll('label.field')].find(field => field.querySelector('span')?.textContent === label).querySelector('select');
          let begun;
          const isBusy = () => document.querySelector('[aria-busy=true]') !== null;
          let asked = false;
          new MutationObserver((_, observer) => {
            asked ||= begun !== undefined && isBusy();
            const now = performance.now();
            // What is asked for because of the answer is asked for before the next frame.
            requestAnimationFrame(() => {
              if (asked && !isBusy()) {
                observer.disconnect();
                drawn(() => resolve([now - begun, performance.now() - begun]));
              }
            });
          }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-busy'] });
          const choose = () => {
            // Models are told of by an answer of their own.
            if (![...select.options].some(option => option.value === value)) {
              requestAnimationFrame(choose);
              return;
            }
            begun = performance.now();
            select.value = value;
            select.dispatchEvent(new Event('change', { bubbles: true }));
          };
          drawn(choose);
        })
        """;

    /// <summary>The table's rows.</summary>
    public async Task<IReadOnlyList<(string Title, string Value)>> MeasureAsync()
    {
        var place = Array.Find(s_places, File.Exists);
        if (place is null)
        {
            await Console.Error.WriteLineAsync("stores: the dashboard is left out: there is no Chromium on this machine.");
            return [];
        }

        using var playwright = await Playwright.CreateAsync();
        await using var browser = await playwright.Chromium.LaunchAsync(
            new BrowserTypeLaunchOptions { ExecutablePath = place, Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
        List<(string, string)> rows = [];
        List<double> texts = [];
        for (var time = 0; time < Times; time++)
        {
            await using var context = await browser.NewContextAsync();
            var page = await context.NewPageAsync();
            texts.Add((await OpenAsync(page, "/healthz", isDashboard: false))[0]);
        }

        rows.Add(("for comparison: a line of text, /healthz", $"{Of(texts)} | – | – | – | –"));
        foreach (var (view, range) in s_views)
        {
            await Console.Error.WriteLineAsync($"stores: dashboard: {view}, {range}");
            List<double> paints = [], interactive = [], whole = [], filters = [], drawn = [];
            for (var time = 0; time < Times; time++)
            {
                await using var context = await browser.NewContextAsync();
                var page = await context.NewPageAsync();
                var loaded = await OpenAsync(page, $"/analytics/#/{view}?range={range}", isDashboard: true);
                paints.Add(loaded[0]);
                interactive.Add(loaded[1]);
                whole.Add(loaded[2]);
                foreach (var (label, value) in ((string Label, string Value)[])[("Model", Corpus.Model), ("Category", "other"), ("Outcome", "status:error"),
                    ("Model", "")])
                {
                    var chosen = await page.EvaluateAsync<double[]>(Chosen, new[] { label, value });
                    filters.Add(chosen[0]);
                    drawn.Add(chosen[1]);
                }
            }

            rows.Add(($"{view}, {range}", $"{Of(paints)} | {Of(interactive)} | {Of(whole)} | {Of(filters)} | {Of(drawn)}"));
        }

        return rows;
    }

    private async Task<double[]> OpenAsync(IPage page, string path, bool isDashboard)
    {
        await page.GotoAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{path}"),
            new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
        return await page.EvaluateAsync<double[]>(Loaded, new[] { isDashboard });
    }

    private static string Of(List<double> times)
    {
        times.Sort();
        return $"{Row.Text(times[times.Count / 2])} / {Row.Text(times[^1])}";
    }
}
