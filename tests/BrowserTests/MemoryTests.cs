using System.Text.Json;
using Microsoft.Playwright;
using OllamaProxy.Host.Demo;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.BrowserTests;

/// <summary>The memory of a page that stays open for days does not grow with the events it gets.</summary>
public sealed class MemoryTests(Browser browser)
{
    public const string Reason = "takes minutes: ./build.sh test --slow (RUN_SLOW_TESTS=1) runs it";

    /// <summary>The permitted heap growth between the first minute and the end; less than one full table.</summary>
    private const double Allowed = 2 * 1024 * 1024;

    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

#pragma warning disable RS0030 // The test's own setting, whether it runs.
    public static bool IsAskedFor => Environment.GetEnvironmentVariable("RUN_SLOW_TESTS") == "1";
#pragma warning restore RS0030

    /// <summary>Sends the requests of a busy office's hour as fast as possible.</summary>
    [Theory(Skip = Reason, SkipUnless = nameof(IsAskedFor))]
    [InlineData("now")]
    [InlineData("requests?range=1h")]
    [InlineData("overview?range=1h")]
    public async Task The_memory_of_the_page_does_not_grow_with_traffic(string view)
    {
        SimulatedModel[] models = [.. DemoModels.All.Select(model => model with { TokensPerSecond = 0, LoadTime = TimeSpan.Zero })];
        await using var ollama = await SimulatedOllamaServer.StartAsync(DemoOllama.Options with { Models = models, NumParallel = 8 }, keepsRequests: false);
        await using var proxy = await BusyProxy.StartAsync(ollama.Address);
        await using var visit = await browser.VisitAsync(proxy.Address);
        using var stop = new CancellationTokenSource();
        var traffic = Task.WhenAll(Enumerable.Range(0, 3).Select(_ => DemoTraffic.RunAsync(proxy.Address, ollama.Faults, TimeProvider.System, stop.Token)));
        await visit.OpenAsync(view);
        if (view != "now")
        {
            await visit.Page.GetByLabel("Refresh").SelectOptionAsync("1");
        }

        await ReachAsync(400);
        var before = await HeapAsync(visit);
        await ReachAsync(3_000);
        var after = await HeapAsync(visit);
        await stop.CancelAsync();
        await traffic;

        Assert.True(after - before < Allowed, $"{before / 1024:F0} KiB became {after / 1024:F0} KiB.");

        Task ReachAsync(int requests) => Eventually.TrueAsync(
            async () =>
                JsonElement.Parse(await proxy.Client.GetStringAsync("/analytics/stats?top=1")).GetProperty("total_records").GetInt32() >= requests, s_patience);
    }

    private static async Task<double> HeapAsync(Visit visit)
    {
        var debugger = await visit.Page.Context.NewCDPSessionAsync(visit.Page);
        await debugger.SendAsync("HeapProfiler.collectGarbage");
        var usage = await debugger.SendAsync("Runtime.getHeapUsage");
        await debugger.DetachAsync();
        return usage!.Value.GetProperty("usedSize").GetDouble();
    }
}
