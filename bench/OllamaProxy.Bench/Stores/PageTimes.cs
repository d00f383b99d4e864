using System.Globalization;
using Microsoft.Playwright;
using OllamaProxy.Bench.Report;

namespace OllamaProxy.Bench.Stores;

/// <summary>The dashboard in a real browser, before a store with very many records: how soon it is there, and how soon it answers a filter. Times are the page's own.</summary>
internal sealed class PageTimes(int port)
{
    private const int Times = 5;

    private static readonly string[] s_places = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable", "/snap/bin/chromium"];

    private static readonly (string View, string Range)[] s_views = [("overview", "24h"), ("overview", "7d"), ("requests", "24h"), ("requests", "7d"), ("models", "24h"), ("models", "7d")];

    /// <summary>From the last byte of the HTML: the first paint with something in it, when the page answers to keys and clicks, and when nothing of the view is waited for any more.</summary>
    private const string Loaded = """
        () => new Promise(resolve => {
          const look = () => {
            const paint = performance.getEntriesByName('first-contentful-paint')[0];
            const { responseEnd: html, domContentLoadedEventEnd: interactive } = performance.getEntriesByType('navigation')[0];
            if (paint && interactive && document.querySelector('main .view, main .requests') && !document.querySelector('[aria-busy=true]')) {
              resolve([paint.startTime - html, interactive - html, performance.now() - html]);
            } else {
              requestAnimationFrame(look);
            }
          };
          look();
        })
        """;

    /// <summary>From the choice to the moment when its answer is in the page.</summary>
    private const string Chosen = """
        ([label, value]) => new Promise(resolve => {
          const select = [...document.querySelectorAll('label.field')].find(field => field.querySelector('span')?.textContent === label).querySelector('select');
          let asked = false;
          const begun = performance.now();
          new MutationObserver((_, observer) => {
            asked = true;
            if (!document.querySelector('[aria-busy=true]')) {
              observer.disconnect();
              resolve(performance.now() - begun);
            }
          }).observe(document.body, { subtree: true, childList: true, attributes: true, attributeFilter: ['aria-busy'] });
          select.value = value;
          select.dispatchEvent(new Event('change', { bubbles: true }));
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
        await using var browser = await playwright.Chromium.LaunchAsync(new BrowserTypeLaunchOptions { ExecutablePath = place, Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
        List<(string, string)> rows = [];
        foreach (var (view, range) in s_views)
        {
            await Console.Error.WriteLineAsync($"stores: dashboard: {view}, {range}");
            List<double> paints = [], interactive = [], whole = [], filters = [];
            for (var time = 0; time < Times; time++)
            {
                await using var context = await browser.NewContextAsync();
                var page = await context.NewPageAsync();
                await page.GotoAsync(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}/analytics/#/{view}?range={range}"), new PageGotoOptions { WaitUntil = WaitUntilState.Commit });
                var loaded = await page.EvaluateAsync<double[]>(Loaded);
                paints.Add(loaded[0]);
                interactive.Add(loaded[1]);
                whole.Add(loaded[2]);
                foreach (var (label, value) in ((string Label, string Value)[])[("Model", Corpus.Model), ("Category", "other"), ("Outcome", "status:error"), ("Model", "")])
                {
                    filters.Add(await page.EvaluateAsync<double>(Chosen, new[] { label, value }));
                }
            }

            rows.Add(($"{view}, {range}", $"{Of(paints)} | {Of(interactive)} | {Of(whole)} | {Of(filters)}"));
        }

        return rows;
    }

    private static string Of(List<double> times)
    {
        times.Sort();
        return $"{Row.Text(times[times.Count / 2])} / {Row.Text(times[^1])}";
    }
}
