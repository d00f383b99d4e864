using System.Diagnostics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

public sealed class SupervisionShutdownTests
{
    private static readonly Uri s_nowhere = new("http://127.0.0.1:9");

    [Fact]
    public async Task A_stop_lets_a_running_request_finish_and_takes_no_new_ones()
    {
        var held = new HeldRequest();
        await using var proxy = await StartAsync(held, graceSeconds: 30);
        var request = proxy.Client.GetStringAsync("/held");
        await held.Entered;

        var stop = proxy.App.StopAsync();
        using var other = new HttpClient();
        await Eventually.TrueAsync(async () => await IsRefusedAsync(other, proxy.Address));
        Assert.False(stop.IsCompleted);
        held.Release();

        Assert.Equal("finished", await request);
        await stop;
    }

    [Fact]
    public async Task A_request_that_outlasts_the_grace_is_cut_when_it_is_over()
    {
        var held = new HeldRequest();
        await using var proxy = await StartAsync(held, graceSeconds: 1);
        var request = proxy.Client.GetStringAsync("/held");
        await held.Entered;
        var watch = Stopwatch.StartNew();

        await proxy.App.StopAsync();

        Assert.InRange(watch.Elapsed.TotalSeconds, 0.9, 6);
        Assert.True(held.WasAborted);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => request);
    }

    [Fact]
    public async Task Clients_are_taken_last_and_refused_first()
    {
        await using var proxy = await StartAsync(new HeldRequest(), graceSeconds: 1);

        var services = proxy.Services.GetServices<IHostedService>().Select(service => service.GetType().Name).ToList();

        // Started in this order, stopped in the opposite one.
        Assert.Equal(["StartupWorker", "RecordingWorker", "GenericWebHostService"], services.Where(name => name is "StartupWorker" or "RecordingWorker" or "GenericWebHostService"));
        Assert.Equal("GenericWebHostService", services[^1]);
    }

    private static Task<ProxyUnderTest> StartAsync(HeldRequest held, int graceSeconds) => ProxyUnderTest.StartAsync(
        s_nowhere,
        new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["SHUTDOWN_GRACE_SECONDS"] = $"{graceSeconds}" },
        builder => builder.Services.AddSingleton<IStartupFilter>(held));

    private static async Task<bool> IsRefusedAsync(HttpClient client, Uri address)
    {
        try
        {
            using var response = await client.GetAsync(new Uri(address, "/healthz"));
            return false;
        }
        catch (HttpRequestException)
        {
            return true;
        }
    }

    /// <summary>A path of the test's own, whose answer waits for a word.</summary>
    private sealed class HeldRequest : IStartupFilter
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Entered => _entered.Task;

        public bool WasAborted { get; private set; }

        public void Release() => _released.SetResult();

        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((context, further) => context.Request.Path == "/held" ? AnswerAsync(context) : further(context));
            next(app);
        };

        private async Task AnswerAsync(HttpContext context)
        {
            _entered.SetResult();
            try
            {
                await _released.Task.WaitAsync(context.RequestAborted);
                await context.Response.WriteAsync("finished");
            }
            catch (OperationCanceledException)
            {
                WasAborted = true;
            }
        }
    }
}
