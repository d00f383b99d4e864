using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Playwright;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>The page of one request: its numbers compared with others of its model, and its conversation.</summary>
public sealed partial class RequestPageTests(Browser browser, BusyProxy busy)
{
    private const string Answer = """
        ## Three ways

        See the [documentation](https://docs.python.org/3/ "Python") and [this](javascript:alert(1)).

        | Way | Time |
        |:--|--:|
        | `a|b` | O(n) |

        1. **Shortest**:

           ```python
           def unique(items):
               return list(dict.fromkeys(items))  # in order
           ```
        2. Longer
        """;

    private static readonly RequestRecord s_usual = BusyProxy.Week(DateTimeOffset.UnixEpoch.AddYears(56), 200)
        .Last(record => record is { Endpoint.Label: "chat", Outcome: ExchangeOutcome.Completed, LoadCause: null }) with
        {
            Model = "qwen3:8b",
            System = null,
            Thinking = null,
            Truncation = null,
            ToolCalls = null,
            ToolCount = null,
            ImageCount = null,
            MessageCount = 1,
            MaxTokens = null,
            Temperature = null,
            ContextLength = null,
        };

    private static readonly RequestRecord s_everything = s_usual with
    {
        System = "You are a helpful assistant.",
        Thinking = "Three ways, and a table.",
        ToolCalls = """[{"name":"get_weather","arguments":{"city":"Oslo"}}]""",
        Response = Answer,
        ImageCount = 2,
        MessageCount = 5,
    };

    /// <summary>A record without the values that Ollama reports only in its own API.</summary>
    private static readonly RequestRecord s_unreported = s_usual with
    {
        LoadDuration = null,
        EngineWait = null,
        PromptEvalDuration = null,
        EvalDuration = null,
        TotalDuration = null,
    };

    private static readonly (int Width, ColorScheme Colors)[] s_screens =
    [
        (1440, ColorScheme.Light), (1440, ColorScheme.Dark), (820, ColorScheme.Light), (390, ColorScheme.Dark),
    ];

    private static readonly Dictionary<string, RequestRecord> s_kinds = new()
    {
        ["native"] = s_everything,
        ["v1"] = s_unreported with { Endpoint = ApiEndpoint.AnthropicMessages, FinishReason = "end_turn" },
        ["tools"] = s_usual with
        {
            Response = "",
            ToolCalls = """[{"name":"get_weather","arguments":{"city":"Oslo"}},{"name":"get_weather","arguments":{"city":"Ulaanbaatar","unit":"celsius"}}]""",
            ToolCount = 5,
        },
        ["thinking"] = s_usual with
        {
            Thinking = Repeat("Let me think about it. "),
            Response = "",
            FinishReason = "length",
            MaxTokens = 512,
            Truncation = Truncation.Certain,
            ContextLength = 4_096,
        },
        ["images"] = s_usual with { Prompt = "What is in these pictures?", ImageCount = 2, Response = "A *lighthouse* and a harbor." },
        ["cancelled"] = s_unreported with
        {
            Outcome = ExchangeOutcome.ClientCancelled,
            TokensEstimated = true,
            OutputTokens = 31,
            InputTokens = null,
            FinishReason = null,
        },
        ["failed"] = s_unreported with
        {
            Model = "qwen3:9b",
            Outcome = ExchangeOutcome.UpstreamError,
            ErrorType = ErrorType.ModelNotFound,
            Error = "model 'qwen3:9b' not found",
            StatusCode = 404,
            Response = null,
            TimeToFirstToken = null,
            DecodeTime = null,
            OutputTokens = null,
            InputTokens = null,
            CachedInputTokens = null,
            TokensPerSecond = null,
            FinishReason = null,
            Stream = null,
        },
        ["code"] = s_usual with
        {
            Prompt = Repeat("Explain this long configuration, please. "),
            Response =
                $"Here:\n\n```js\nexport default [\n{Repeat("  { name: \"one\", text: 'a line that is longer than a phone is wide' }, // one\n")}];\n```",
        },
        ["embedding"] = s_usual with
        {
            Endpoint = ApiEndpoint.Embed,
            Response = null,
            OutputTokens = null,
            TokensPerSecond = null,
            TimeToFirstToken = null,
            DecodeTime = null,
            EvalDuration = null,
            FinishReason = null,
            Stream = false,
        },
        ["other"] = BusyProxy.Week(DateTimeOffset.UnixEpoch.AddYears(56), 200).Last(record => !record.IsInference),
    };

    public static TheoryData<string> Kinds() => [.. s_kinds.Keys];

    [Fact]
    public async Task The_page_of_a_missing_request_links_back_to_the_requests()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        visit.Expected.AddRange(["404: ", "status of 404"]);

        await visit.OpenAsync("requests/99999999?range=7d&model=phi4:latest");

        await Assertions.Expect(visit.Page.Locator(".message")).ToContainTextAsync("No record has the id 99999999");
        await visit.Page.Locator(".message a", new() { HasText = "All requests" }).ClickAsync();
        await visit.Page.Locator(".requests tbody tr").First.WaitForAsync();
        Assert.Contains("#/requests?range=7d&model=phi4", visit.Page.Url, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task A_request_of_each_kind_fits_its_page_and_is_accessible(string kind)
    {
        await using var proxy = await StartAsync(s_kinds[kind]);
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.Add("does not answer");
        await visit.OpenAsync("requests/1");
        await visit.Page.Locator(".why").WaitForAsync();

        foreach (var (width, colors) in s_screens)
        {
            await visit.Page.SetViewportSizeAsync(width, 900);
            await visit.Page.EmulateMediaAsync(new() { ColorScheme = colors });

            await ScreenshotTests.AssertFitsAsync(visit);
            await AccessibilityTests.AssertCleanAsync(visit.Page);
            var picture = Path.Combine(ScreenshotTests.Folder, $"request-{kind}-{width}-{(colors == ColorScheme.Dark ? "dark" : "light")}.png");
            await visit.Page.ScreenshotAsync(new() { Path = picture, FullPage = true });
        }

        // Unknown facts are left out.
        Assert.DoesNotContain("–", await visit.Page.Locator(".facts").InnerTextAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_conversation_is_shown_from_system_prompt_to_response_with_details_collapsed()
    {
        await using var proxy = await StartAsync(s_everything);
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.Add("does not answer");

        await visit.OpenAsync("requests/1");

        await Assertions.Expect(visit.Page.Locator(".turn h3:not(.prose *)")).ToHaveTextAsync(["System", "User", "Thinking", "Tool call", "Assistant"]);
        await Assertions.Expect(visit.Page.Locator(".turn.user .note")).ToHaveTextAsync("the last of 5 messages · 2 images, not stored");
        await Assertions.Expect(visit.Page.Locator(".turn.tool summary code")).ToHaveTextAsync("get_weather(city: \"Oslo\")");
        await Assertions.Expect(visit.Page.Locator(".turn.thinking .prose")).ToBeHiddenAsync();
        await visit.Page.Locator(".turn.thinking summary").FocusAsync();
        await visit.Page.Keyboard.PressAsync("Enter");
        await Assertions.Expect(visit.Page.Locator(".turn.thinking .prose")).ToHaveTextAsync(s_everything.Thinking!);
    }

    [Fact]
    public async Task Markdown_has_tables_links_copyable_code_and_one_toggle_for_all_texts()
    {
        await using var proxy = await StartAsync(s_everything);
        await using var visit = await browser.VisitAsync(proxy.Address, options => options.Permissions = ["clipboard-read", "clipboard-write"]);
        visit.Expected.Add("does not answer");
        await visit.OpenAsync("requests/1");
        var prose = visit.Page.Locator(".turn.assistant .prose");

        await Assertions.Expect(prose.Locator("td")).ToHaveTextAsync(["a|b", "O(n)"]);
        await Assertions.Expect(prose.Locator("a")).ToHaveCountAsync(1);
        await Assertions.Expect(prose.Locator("a")).ToHaveAttributeAsync("href", "https://docs.python.org/3/");
        await Assertions.Expect(prose.Locator("a")).ToHaveAttributeAsync("rel", "noopener noreferrer");
        await Assertions.Expect(prose.Locator("figcaption span")).ToHaveTextAsync("python");
        await Assertions.Expect(prose.Locator(".keyword").First).ToHaveTextAsync("def");
        await prose.Locator("figure button").ClickAsync();
        await Assertions.Expect(prose.Locator("figure button")).ToHaveTextAsync("Copied");
        var copied = await visit.Page.EvaluateAsync<string>("navigator.clipboard.readText()");
        Assert.Equal("def unique(items):\n    return list(dict.fromkeys(items))  # in order", copied);

        await visit.Page.GetByLabel("Markdown").UncheckAsync();
        await Assertions.Expect(visit.Page.Locator(".prose")).ToHaveCountAsync(0);
        await Assertions.Expect(visit.Page.Locator(".turn.assistant pre")).ToHaveTextAsync(Answer.ReplaceLineEndings("\n"));
        await visit.Page.ReloadAsync();
        await visit.Page.Locator(".turn.system pre").WaitForAsync();
    }

    [Fact]
    public async Task A_long_prompt_is_collapsed_until_expanded_and_a_search_expands_its_match()
    {
        await using var proxy = await StartAsync(s_kinds["code"], s_everything);
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.Add("does not answer");
        var prompt = s_kinds["code"].Prompt!;

        await visit.OpenAsync("requests/1");
        await visit.Page.Locator(".turn.user .more").ClickAsync();
        await Assertions.Expect(visit.Page.Locator(".turn.user .prose")).ToHaveTextAsync(prompt.Trim());

        await visit.OpenAsync("requests/2?search=Three ways, and");
        await Assertions.Expect(visit.Page.Locator(".turn.thinking mark")).ToBeVisibleAsync();
        await Assertions.Expect(visit.Page.Locator(".turn.tool pre")).ToBeHiddenAsync();
    }

    [Fact]
    public async Task A_request_is_compared_with_the_last_seven_days_of_its_model()
    {
        await using var visit = await browser.VisitAsync(busy.Address);
        var now = TimeProvider.System.GetUtcNow();
        var (record, id) = busy.Records.Select((record, index) => (record, index + 1))
            .Last(entry => entry.record is { LoadCause: not null, Outcome: ExchangeOutcome.Completed, TimeToFirstToken: not null, TokensPerSecond: not null });
        List<RequestRecord> others =
        [
            .. busy.Records.Where(
                other => other is { IsInference: true, Status: "success" } && other.Model == record.Model && other.Timestamp > now.AddDays(-7)),
        ];

        await visit.OpenAsync($"requests/{id}");

        var count = others.Count.ToString("N0", CultureInfo.InvariantCulture);
        await Assertions.Expect(visit.Page.Locator(".summary > .note"))
            .ToHaveTextAsync($"Compared with {count} completed requests of {record.Model} in the last 7 days.");
        await AssertShareAsync("Duration", other => other.Latency.TotalSeconds, "slower");
        await AssertShareAsync("Time to first token", other => other.TimeToFirstToken?.TotalSeconds, "slower");
        await AssertShareAsync("Speed", other => other.TokensPerSecond, "faster");

        async Task AssertShareAsync(string figure, Func<RequestRecord, double?> valueOf, string thanSmaller)
        {
            var note = visit.Page.Locator(".summary dl > div").Filter(new() { Has = visit.Page.Locator($"dt:text-is('{figure}')") }).Locator(".note");
            var text = await note.InnerTextAsync();
            var match = ShareText().Match(text);
            var percent = match.Success ? int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture) : 50;
            var share = match.Groups[1].Value == thanSmaller || text.StartsWith("about the median", StringComparison.Ordinal) ? percent : 100 - percent;
            var below = 100.0 * others.Count(other => valueOf(other) < valueOf(record)) / others.Count(other => valueOf(other) is not null);
            // The shares are known at bounds and percentiles; between them the page interpolates linearly.
            Assert.InRange(share, below - 10, below + 10);
        }
    }

    [Fact]
    public async Task A_request_is_not_compared_with_too_few_others()
    {
        await using var proxy = await StartAsync([.. Enumerable.Range(0, 19).Select(index => s_usual with { RequestId = $"{index:x32}" })]);
        await using var visit = await browser.VisitAsync(proxy.Address);
        visit.Expected.Add("does not answer");

        var answer = visit.Page.WaitForResponseAsync(response => response.Url.Contains("status=success", StringComparison.Ordinal));
        await visit.OpenAsync("requests/1");
        await (await answer).FinishedAsync();
        await visit.Page.WaitForLoadStateAsync(LoadState.NetworkIdle);

        await Assertions.Expect(visit.Page.Locator(".summary .note")).ToHaveCountAsync(s_usual.CachedInputTokens is null ? 0 : 1);
    }

    private static string Repeat(string text) => string.Concat(Enumerable.Repeat(text, 150));

    private static async Task<ProxyUnderTest> StartAsync(params RequestRecord[] records)
    {
        var proxy = await BusyProxy.StartAsync(new Uri("http://127.0.0.1:9"), ("OLLAMA_POLL_SECONDS", "0"));
        var now = TimeProvider.System.GetUtcNow();
        var written = records.Select((record, index) => record with { RequestId = $"{index:x32}", Timestamp = now.AddSeconds(index - 60) });
        await BusyProxy.WriteAsync(proxy, [.. written]);
        return proxy;
    }

    [GeneratedRegex("^(slower|faster) than ([0-9]+) %")]
    private static partial Regex ShareText();
}
