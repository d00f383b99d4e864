using Microsoft.Playwright;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>The browser of this machine, started once for all tests.</summary>
public sealed class Browser : IAsyncLifetime
{
    private static readonly string[] s_places =
    [
        "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome", "/usr/bin/google-chrome-stable", "/snap/bin/chromium",
        "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "/Applications/Chromium.app/Contents/MacOS/Chromium",
        @"C:\Program Files\Google\Chrome\Application\chrome.exe", @"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    ];

    private IPlaywright _playwright = null!;
    private IBrowser _browser = null!;

    public async ValueTask InitializeAsync()
    {
        var path = Array.Find(s_places, File.Exists)
            ?? throw new InvalidOperationException(
                "There is no Chromium or Chrome. Install it (apt-get install chromium), or run ./build.sh test, which does it where it may.");
        // The machine may be slow, because it also builds.
        Assertions.SetDefaultExpectTimeout((float)Patience.Limit.TotalMilliseconds);
        _playwright = await Playwright.CreateAsync();
        _browser = await _playwright.Chromium.LaunchAsync(
            new BrowserTypeLaunchOptions { ExecutablePath = path, Args = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
    }

    /// <summary>Opens a page in a new browser context without stored data.</summary>
    /// <param name="origin">The only origin the page may send requests to.</param>
    /// <param name="change">Changes the default options of the context.</param>
    internal async Task<Visit> VisitAsync(Uri origin, Action<BrowserNewContextOptions>? change = null)
    {
        var options = new BrowserNewContextOptions { ViewportSize = new ViewportSize { Width = 1360, Height = 900 }, ColorScheme = ColorScheme.Light,
            TimezoneId = "Europe/Berlin", AcceptDownloads = true };
        change?.Invoke(options);
        var context = await _browser.NewContextAsync(options);
        return new Visit(context, await context.NewPageAsync(), origin);
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}

/// <summary>One page and the errors in it; disposing it asserts that there were none.</summary>
internal sealed class Visit : IAsyncDisposable
{
    private readonly IBrowserContext _context;
    private readonly List<string> _faults = [];

    public Visit(IBrowserContext context, IPage page, Uri origin)
    {
        _context = context;
        Page = page;
        Origin = origin;
        page.SetDefaultTimeout((float)Patience.Limit.TotalMilliseconds);
        page.Console += (_, message) =>
        {
            if (message.Type is "error" or "warning")
            {
                Note($"console {message.Type}: {message.Text}");
            }
        };
        page.PageError += (_, error) => Note($"page error: {error}");
        page.Dialog += (_, dialog) =>
        {
            Note($"a script opened a dialog: {dialog.Message}");
            _ = dialog.DismissAsync();
        };
        page.Request += (_, request) =>
        {
            if (!request.Url.StartsWith(origin.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal)
                && !request.Url.StartsWith("data:", StringComparison.Ordinal) && !request.Url.StartsWith("blob:", StringComparison.Ordinal))
            {
                Note($"left the origin: {request.Url}");
            }
        };
        page.Response += (_, response) =>
        {
            if (response.Status >= 400)
            {
                Note($"{response.Status}: {response.Url}");
            }
        };
    }

    public IPage Page { get; }

    public Uri Origin { get; }

    /// <summary>Expected errors, by a part of their text.</summary>
    public List<string> Expected { get; } = [];

    /// <summary>Opens a view, for example "overview?range=7d".</summary>
    public Task OpenAsync(string view) => Page.GotoAsync($"{Origin.GetLeftPart(UriPartial.Authority)}/analytics#/{view}");

    public ILocator Card(string name) => Page.Locator($"[data-card={name}] .big");

    /// <summary>Reads the number in a text like "1,234 requests".</summary>
    public static long Number(string text) =>
        long.Parse(new string([.. text.TakeWhile(letter => char.IsAsciiDigit(letter) || letter == ',').Where(char.IsAsciiDigit)]),
            System.Globalization.CultureInfo.InvariantCulture);

    public async ValueTask DisposeAsync()
    {
        await _context.DisposeAsync();
        lock (_faults)
        {
            Assert.Empty(_faults.FindAll(fault => !Expected.Exists(expected => fault.Contains(expected, StringComparison.Ordinal))));
        }
    }

    private void Note(string fault)
    {
        lock (_faults)
        {
            _faults.Add(fault);
        }
    }
}
