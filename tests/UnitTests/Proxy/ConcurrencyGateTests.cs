using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Domain;
using OllamaProxy.Host.Admission;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Workers;
using OllamaProxy.TestKit;

namespace OllamaProxy.UnitTests.Proxy;

public sealed partial class ConcurrencyGateTests : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly FakeTimeProvider _time = new();
    private readonly GraceEnd _grace = new();

    [Fact]
    public async Task A_free_slot_is_given_at_once_with_a_wait_of_zero()
    {
        var gate = Create(limit: 1);

        var entering = gate.EnterAsync(ApiEndpoint.Chat, Client("a"));

        Assert.True(entering.IsCompletedSuccessfully);
        var admission = await entering;
        Assert.Equal((AdmissionResult.Admitted, TimeSpan.Zero, 0), (admission.Result, admission.Waited, gate.Free));
        gate.Leave(ApiEndpoint.Chat, admission);
        Assert.Equal(1, gate.Free);
    }

    [Fact]
    public async Task A_full_queue_rejects_at_once()
    {
        var gate = Create(limit: 1, queue: 1);
        var running = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        var waiting = gate.EnterAsync(ApiEndpoint.Chat, Client("a")).AsTask();

        var refused = gate.EnterAsync(ApiEndpoint.Chat, Client("b"));

        Assert.True(refused.IsCompletedSuccessfully);
        Assert.Equal(AdmissionResult.QueueFull, (await refused).Result);
        gate.Leave(ApiEndpoint.Chat, running);
        gate.Leave(ApiEndpoint.Chat, await waiting);
        Assert.Equal((1, 0), (gate.Free, gate.Waiting));
    }

    [Fact]
    public async Task Without_a_queue_a_request_waits_only_for_a_slot_that_is_being_returned()
    {
        var gate = Create(limit: 1, queue: 0);
        var first = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        var next = gate.EnterAsync(ApiEndpoint.Chat, Client("a")).AsTask();
        gate.Leave(ApiEndpoint.Chat, first);
        var second = await next;

        var refused = gate.EnterAsync(ApiEndpoint.Chat, Client("a")).AsTask();
        _time.Advance(ConcurrencyGate.HandOver);

        Assert.Equal(AdmissionResult.Admitted, second.Result);
        Assert.Equal((AdmissionResult.QueueFull, ConcurrencyGate.HandOver), ((await refused).Result, (await refused).Waited));
        gate.Leave(ApiEndpoint.Chat, second);
        Assert.Equal((1, 0), (gate.Free, gate.Waiting));
    }

    [Fact]
    public async Task Without_a_queue_no_more_requests_wait_than_there_are_slots()
    {
        var gate = Create(limit: 1, queue: 0);
        _ = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        var waiting = gate.EnterAsync(ApiEndpoint.Chat, Client("a")).AsTask();

        Assert.Equal(AdmissionResult.QueueFull, (await gate.EnterAsync(ApiEndpoint.Chat, Client("a"))).Result);
        var other = gate.EnterAsync(ApiEndpoint.Chat, Client("b")).AsTask();
        Assert.Equal((false, AdmissionResult.QueueFull), (waiting.IsCompleted, (await other).Result));
    }

    [Fact]
    public async Task A_client_with_one_request_waits_for_one_request_of_each_other_client()
    {
        var gate = Create(limit: 1);
        var slot = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        ConcurrentQueue<string> order = [];
        Task[] waiting = [.. new[] { "a", "a", "a", "b", "c" }.Select(RunAsync)];

        gate.Leave(ApiEndpoint.Chat, slot);
        await Task.WhenAll(waiting);

        Assert.Equal(["a", "b", "c", "a", "a"], order);

        async Task RunAsync(string client)
        {
            var admission = await gate.EnterAsync(ApiEndpoint.Chat, Client(client));
            order.Enqueue(client);
            gate.Leave(ApiEndpoint.Chat, admission);
        }
    }

    [Fact]
    public async Task A_cancelled_wait_frees_its_place_and_never_runs()
    {
        var gate = Create(limit: 1, queue: 1);
        using var leaves = new CancellationTokenSource();
        var running = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        var waiting = gate.EnterAsync(ApiEndpoint.Chat, Client("b", leaves: leaves.Token)).AsTask();
        _time.Advance(TimeSpan.FromSeconds(3));

        await leaves.CancelAsync();

        var cancelled = await waiting;
        Assert.Equal((AdmissionResult.Cancelled, TimeSpan.FromSeconds(3)), (cancelled.Result, cancelled.Waited));
        Assert.Equal(0, gate.Waiting);
        var next = gate.EnterAsync(ApiEndpoint.Chat, Client("c")).AsTask();
        gate.Leave(ApiEndpoint.Chat, running);
        gate.Leave(ApiEndpoint.Chat, cancelled);
        Assert.Equal(AdmissionResult.Admitted, (await next).Result);
        Assert.Equal(0, gate.Free);
    }

    [Fact]
    public async Task A_client_that_disconnects_as_its_turn_comes_passes_the_slot_on()
    {
        var gate = Create(limit: 1);
        using var leaves = new CancellationTokenSource();
        var running = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        var first = gate.EnterAsync(ApiEndpoint.Chat, Client("b", leaves: leaves.Token)).AsTask();
        var second = gate.EnterAsync(ApiEndpoint.Chat, Client("c")).AsTask();

        // The cancellation and the turn race; both results are right.
        var cancelling = Task.Run(leaves.Cancel, CancellationToken.None);
        gate.Leave(ApiEndpoint.Chat, running);
        await cancelling;

        gate.Leave(ApiEndpoint.Chat, await first);
        Assert.Equal(AdmissionResult.Admitted, (await second).Result);
    }

    [Fact]
    public async Task A_wait_ends_at_the_queue_timeout()
    {
        var gate = Create(limit: 1, timeout: TimeSpan.FromSeconds(30));
        var running = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        var waiting = gate.EnterAsync(ApiEndpoint.Chat, Client("b")).AsTask();

        _time.Advance(TimeSpan.FromSeconds(29));
        Assert.Equal(1, gate.Waiting);
        _time.Advance(TimeSpan.FromSeconds(1));

        var refused = await waiting;
        Assert.Equal((AdmissionResult.QueueTimeout, TimeSpan.FromSeconds(30)), (refused.Result, refused.Waited));
        gate.Leave(ApiEndpoint.Chat, running);
        Assert.Equal((1, 0), (gate.Free, gate.Waiting));
    }

    [Fact]
    public async Task When_the_queue_is_full_a_new_client_takes_the_newest_place_of_the_client_with_most_places()
    {
        var gate = Create(limit: 1, queue: 2);
        var running = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        var first = gate.EnterAsync(ApiEndpoint.Chat, Client("a")).AsTask();
        var newest = gate.EnterAsync(ApiEndpoint.Chat, Client("a")).AsTask();

        var other = gate.EnterAsync(ApiEndpoint.Chat, Client("a", address: "192.0.2.7")).AsTask();

        var displaced = await newest;
        Assert.Equal((AdmissionResult.Displaced, 2), (displaced.Result, gate.Waiting));
        Assert.Contains("MAX_QUEUED_REQUESTS", gate.WhyNot(displaced.Result), StringComparison.Ordinal);
        gate.Leave(ApiEndpoint.Chat, displaced);
        gate.Leave(ApiEndpoint.Chat, running);
        gate.Leave(ApiEndpoint.Chat, await first);
        gate.Leave(ApiEndpoint.Chat, await other);
        Assert.Equal((1, 0), (gate.Free, gate.Waiting));
    }

    [Fact]
    public async Task Using_many_addresses_of_a_network_gives_a_client_no_more_turns()
    {
        var gate = Create(limit: 1);
        var slot = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        ConcurrentQueue<string> order = [];
        Task[] waiting = [.. new[] { "2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1" }.Select(RunAsync)];

        gate.Leave(ApiEndpoint.Chat, slot);
        await Task.WhenAll(waiting);

        Assert.Equal(["2001:db8::1", "2001:db8:0:1::1", "2001:db8::2", "2001:db8::3"], order);

        async Task RunAsync(string address)
        {
            var admission = await gate.EnterAsync(ApiEndpoint.Chat, Client("a", address));
            order.Enqueue(address);
            gate.Leave(ApiEndpoint.Chat, admission);
        }
    }

    [Fact]
    public async Task Changing_the_application_name_gives_a_client_no_more_turns()
    {
        var gate = Create(limit: 1);
        var slot = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        ConcurrentQueue<string> order = [];
        Task[] waiting = [.. new[] { "bot1", "bot2", "bot3", "polite" }.Select(RunAsync)];

        gate.Leave(ApiEndpoint.Chat, slot);
        await Task.WhenAll(waiting);

        Assert.Equal(["bot1", "polite", "bot2", "bot3"], order);

        async Task RunAsync(string client)
        {
            var admission = await gate.EnterAsync(ApiEndpoint.Chat, Client(client, address: client == "polite" ? "192.0.2.7" : "192.0.2.1"));
            order.Enqueue(client);
            gate.Leave(ApiEndpoint.Chat, admission);
        }
    }

    [Theory]
    [InlineData(1, 0, 0, 1)]
    [InlineData(1, 0, 20, 20)]
    [InlineData(1, 2, 10, 30)]
    [InlineData(4, 2, 10, 7.5)]
    [InlineData(1, 100, 10, 60)]
    public async Task Retry_after_follows_from_the_queue_length_and_the_duration_of_requests(int limit, int waiting, int heldSeconds, double expected)
    {
        var gate = Create(limit);
        var earlier = await gate.EnterAsync(ApiEndpoint.Chat, Client("a"));
        _time.Advance(TimeSpan.FromSeconds(heldSeconds));
        gate.Leave(ApiEndpoint.Chat, earlier);
        for (var number = 0; number < limit + waiting; number++)
        {
            _ = gate.EnterAsync(ApiEndpoint.Chat, Client("a")).AsTask();
        }

        Assert.Equal(expected, gate.RetryAfter().TotalSeconds, precision: 3);
    }

    public void Dispose() => _services.Dispose();

    private static void InterlockedMax(ref int most, int value)
    {
        for (var seen = Volatile.Read(ref most); value > seen; seen = Volatile.Read(ref most))
        {
            Interlocked.CompareExchange(ref most, value, seen);
        }
    }

    private static DefaultHttpContext Client(string application, string address = "127.0.0.1", CancellationToken leaves = default)
    {
        var context = new DefaultHttpContext { RequestAborted = leaves, Connection = { RemoteIpAddress = IPAddress.Parse(address) } };
        context.Request.Headers.UserAgent = application;
        return context;
    }

    private ConcurrencyGate Create(int limit, int queue = 512, TimeSpan timeout = default) => new(
        new GateOptions { MaxConcurrent = limit, MaxQueued = queue, QueueTimeout = timeout },
        new ProxyMetrics(_services.GetRequiredService<IMeterFactory>(), new MetricsOptions(), new ModelNames()),
        _grace,
        _time);

    /// <summary>The values of the gate's gauges for all endpoints.</summary>
    private List<int> Gauges()
    {
        List<int> values = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Name is "ollama_endpoint_active_requests" or "ollama_queue_depth"
                    && instrument.Meter.Scope == _services.GetRequiredService<IMeterFactory>())
                {
                    listening.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<int>((_, measurement, _, _) => values.Add(measurement));
        listener.Start();
        listener.RecordObservableInstruments();
        return values;
    }
}
