using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using MediatR;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using OllamaProxy.Application.Recording;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

public sealed class SupervisionShutdownTests
{
    private static readonly Uri s_nowhere = new("http://127.0.0.1:9");

    [Fact]
    public async Task A_stop_lets_a_running_request_finish_and_accepts_no_new_ones()
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
    public async Task A_request_that_outlasts_the_grace_period_is_cut_at_its_end()
    {
        var held = new HeldRequest();
        await using var proxy = await StartAsync(held, graceSeconds: 1);
        var request = proxy.Client.GetStringAsync("/held");
        await held.Entered;
        var watch = Stopwatch.StartNew();

        await proxy.App.StopAsync();

        Assert.True(watch.Elapsed >= TimeSpan.FromSeconds(0.9), $"The grace period was {watch.Elapsed}.");
        Assert.True(held.WasAborted);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => request);
    }

    [Fact]
    public async Task An_exchange_cut_by_the_stop_is_recorded_as_such_before_the_program_exits()
    {
        var records = new Records();
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        silent.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        silent.Listen();
        await using var proxy = await ProxyUnderTest.StartAsync(
            new Uri($"http://{silent.LocalEndPoint}"),
            new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["SHUTDOWN_GRACE_SECONDS"] = "0" },
            builder => builder.Services.AddSingleton<INotificationHandler<RequestRecorded>>(records));
        var request = proxy.Client.GetStringAsync("/api/tags");
        using var forwarded = await silent.AcceptAsync();

        await proxy.App.StopAsync();

        Assert.Equal(ExchangeOutcome.ProxyStopped, Assert.Single(records.Seen).Outcome);
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => request);
    }

    [Fact]
    public async Task Clients_are_accepted_last_at_the_start_and_refused_first_at_the_stop()
    {
        await using var proxy = await StartAsync(new HeldRequest(), graceSeconds: 1);

        var services = proxy.Services.GetServices<IHostedService>().Select(service => service.GetType().Name).ToList();

        // Services start in this order and stop in the reverse order.
        Assert.Equal(["StartupWorker", "RecordingWorker", "GenericWebHostService"],
            services.Where(name => name is "StartupWorker" or "RecordingWorker" or "GenericWebHostService"));
        Assert.Equal("GenericWebHostService", services[^1]);
    }

    private static Task<ProxyUnderTest> StartAsync(HeldRequest held, int graceSeconds) => ProxyUnderTest.StartAsync(
        s_nowhere,
        new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none", ["SHUTDOWN_GRACE_SECONDS"] = $"{graceSeconds}" },
        builder => builder.Services.AddSingleton<IStartupFilter>(held));

    internal static async Task<bool> IsRefusedAsync(HttpClient client, Uri address)
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

    private sealed class Records : INotificationHandler<RequestRecorded>
    {
        public ConcurrentQueue<RequestRecord> Seen { get; } = [];

        public Task Handle(RequestRecorded notification, CancellationToken cancellationToken)
        {
            Seen.Enqueue(notification.Record);
            return Task.CompletedTask;
        }
    }

    /// <summary>A path of the test whose response waits until it is released.</summary>
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
