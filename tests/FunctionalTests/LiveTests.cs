using System.Net.Http.Json;
using System.Net;
using System.Text.Json;
using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Proxy;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The events that a subscriber of <c>/analytics/live</c> gets.</summary>
public sealed class LiveTests
{
    private static readonly Dictionary<string, string> s_noStore = new() { ["ANALYTICS_BACKEND"] = "none", ["MAX_CONCURRENT_REQUESTS"] = "1" };

    [Fact]
    public async Task A_request_is_reported_from_its_start_to_its_record()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("phi4:latest") { SaysFixedSentence = true, TokensPerSecond = 20 }] });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, s_noStore);
        using var live = await Subscription.OpenAsync(proxy);

        using var answer = await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "phi4", prompt = "hello" });
        await answer.Content.ReadAsByteArrayAsync();
        var events = await live.ReadUntilAsync("record");

        // If the body arrives after the head, "queued" comes first.
        var phases = events.Where(told => told.Name == "request").Select(told => told.Data.GetProperty("phase").GetString()).Distinct();
        Assert.Equal(["waiting", "writing", "ended"], phases.Where(phase => phase != "queued"));
        var writing = events.Where(told => told.Name == "request" && told.Data.GetProperty("phase").GetString() == "writing").Select(
            told => told.Data.GetProperty("output_tokens").GetInt32()).ToList();
        Assert.Equal(writing.Order(), writing);
        Assert.True(writing.Count >= 2, "A stream of a second has progress to tell of.");
        var (_, first) = events[0];
        Assert.Equal(("phi4:latest", "generate", "POST", "127.0.0.1"),
            (events[^2].Data.GetProperty("model").GetString(), first.GetProperty("endpoint").GetString(), first.GetProperty("method").GetString(),
            first.GetProperty("client_ip").GetString()));
        Assert.Equal("record", events[^1].Name);
        Assert.All(events, told => Assert.Equal(first.GetProperty("request_id").GetString(), told.Data.GetProperty("request_id").GetString()));
        Assert.Equal(("completed", JsonValueKind.Null), (events[^1].Data.GetProperty("outcome").GetString(), events[^1].Data.GetProperty("id").ValueKind));
    }

    [Fact]
    public async Task A_reported_record_can_be_found()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync();
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address);
        using var live = await Subscription.OpenAsync(proxy);
        for (var time = 0; time < 5; time++)
        {
            using var answer = await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "tiny", prompt = "hello" });
            var (_, told) = (await live.ReadUntilAsync("record"))[^1];

            var newest = (await proxy.GetAsync("/analytics/search?limit=1")).GetProperty("results");
            Assert.Equal([told.GetProperty("request_id").GetString()], newest.EnumerateArray().Select(record => record.GetProperty("request_id").GetString()));
        }
    }

    [Fact]
    public async Task A_later_subscriber_gets_the_running_and_queued_requests()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("snail:latest") { TokensPerSecond = 2 }] });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, s_noStore);
        using var leave = new CancellationTokenSource();
        var first = proxy.Client.PostAsJsonAsync("/api/generate", new { model = "snail", prompt = "a" }, leave.Token);
        await Eventually.TrueAsync(() => ollama.Received.Count == 1);
        var second = proxy.Client.PostAsJsonAsync("/api/chat", new { model = "snail", messages = Array.Empty<object>() }, leave.Token);
        await Eventually.TrueAsync(() => proxy.Services.GetRequiredService<RunningRequests>().Count == 2);

        using var live = await Subscription.OpenAsync(proxy);
        var events = await live.ReadAsync(2);
        await leave.CancelAsync();
        await ((Task)Task.WhenAll(first, second)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

        Assert.Equal(["chat queued", "generate"],
            events.Select(told => $"{told.Data.GetProperty("endpoint")} {told.Data.GetProperty("phase")}").Select(
            text => text.Replace(" writing", "", StringComparison.Ordinal).Replace(" waiting", "", StringComparison.Ordinal)).Order());
        await Eventually.TrueAsync(() => proxy.Services.GetRequiredService<RunningRequests>().Count == 0);
    }

    [Fact]
    public async Task The_model_of_a_queued_request_is_reported_once_it_was_read()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("bear:latest") { LoadTime = TimeSpan.FromMinutes(5) }] });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, s_noStore);
        using var live = await Subscription.OpenAsync(proxy);
        using var leave = new CancellationTokenSource();
        var asked = proxy.Client.PostAsJsonAsync("/api/generate", new { model = "bear", prompt = "a" }, leave.Token);

        JsonElement last;
        do
        {
            (_, last) = (await live.ReadAsync(1))[0];
        }
        while (last.GetProperty("model").ValueKind == JsonValueKind.Null);
        await leave.CancelAsync();
        await ((Task)asked).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

        Assert.Equal(("bear:latest", "waiting"), (last.GetProperty("model").GetString(), last.GetProperty("phase").GetString()));
    }

    [Fact]
    public async Task A_queued_request_has_its_model()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("snail:latest") { TokensPerSecond = 2 }] });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, s_noStore);
        using var leave = new CancellationTokenSource();
        var first = proxy.Client.PostAsJsonAsync("/api/generate", new { model = "snail", prompt = "a" }, leave.Token);
        await Eventually.TrueAsync(() => ollama.Received.Count == 1);
        using var live = await Subscription.OpenAsync(proxy);
        var second = proxy.Client.PostAsJsonAsync("/api/chat", new { model = "snail", messages = Array.Empty<object>() }, leave.Token);

        JsonElement queued;
        do
        {
            (_, queued) = (await live.ReadAsync(1))[0];
        }
        while (queued.GetProperty("endpoint").GetString() != "chat" || queued.GetProperty("model").ValueKind == JsonValueKind.Null);
        await leave.CancelAsync();
        await ((Task)Task.WhenAll(first, second)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);

        Assert.Equal(("queued", "snail:latest"), (queued.GetProperty("phase").GetString(), queued.GetProperty("model").GetString()));
    }

    [Fact]
    public async Task An_event_is_serialized_once_for_all_subscribers()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody, s_noStore);
        var feed = proxy.Services.GetRequiredService<LiveFeed>();
        LiveSubscriber[] subscribers = [feed.Subscribe()!, feed.Subscribe()!, feed.Subscribe()!];

        feed.Announce(StoredRequests.At(1));

        var events = await Task.WhenAll(subscribers.Select(subscriber => Eventually.GetAsync(() => Task.FromResult(subscriber.Take()))));
        Assert.All(events, told => Assert.Same(events[0], told));
    }

    [Fact]
    public void A_slow_subscriber_keeps_only_the_latest_progress_event()
    {
        var subscriber = new LiveSubscriber();
        LiveEvents[] moments = [new([1], 2_000, IsProgress: true), new([2], 3_000, IsProgress: true), new([3], 4_000, IsProgress: true)];

        subscriber.Put(moments[0]);
        subscriber.Put(moments[1]);
        Assert.Equal((3_000, moments[0]), (subscriber.TakeMissed(), subscriber.Take()));
        subscriber.Put(moments[2]);

        Assert.Equal((0, moments[2]), (subscriber.TakeMissed(), subscriber.Take()));
        Assert.Null(subscriber.Take());
    }

    [Fact]
    public async Task A_subscriber_that_does_not_read_misses_the_oldest_events_and_gets_their_number()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody, s_noStore);
        var feed = proxy.Services.GetRequiredService<LiveFeed>();
        var subscriber = feed.Subscribe()!;

        for (var second = 1; second <= LiveSubscriber.Capacity + 7; second++)
        {
            feed.Announce(StoredRequests.At(second));
        }

        var missed = 0L;
        await Eventually.TrueAsync(() => (missed += subscriber.TakeMissed()) >= 7);
        Assert.Equal(7, missed);
        Assert.Contains("\"timestamp\":8,", Encoding.UTF8.GetString(subscriber.Take()!.Text), StringComparison.Ordinal);
        feed.Unsubscribe(subscriber);
        Assert.Equal(0, feed.Count);
    }

    [Fact]
    public async Task A_subscriber_that_disconnects_is_removed_and_a_stop_does_not_wait_for_subscribers()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody,
            new Dictionary<string, string>(s_noStore) { ["SHUTDOWN_GRACE_SECONDS"] = "3600" });
        var feed = proxy.Services.GetRequiredService<LiveFeed>();
        using (await Subscription.OpenAsync(proxy))
        {
            Assert.Equal(1, feed.Count);
        }

        await Eventually.TrueAsync(() => feed.Count == 0);
        Assert.False(proxy.Services.GetRequiredService<RunningRequests>().IsWatched);
        using var staying = await Subscription.OpenAsync(proxy);
        await proxy.App.StopAsync().WaitAsync(Patience.Limit);
        Assert.Empty(await staying.ReadToEndAsync());
    }

    [Fact]
    public async Task The_state_of_ollama_and_its_loaded_models_are_reported_without_a_store()
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [new SimulatedModel("phi4:latest") { SaysFixedSentence = true }] });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, new Dictionary<string, string>(s_noStore) { ["OLLAMA_POLL_SECONDS"] = "2" });
        using var answer = await proxy.Client.PostAsJsonAsync("/api/generate", new { model = "phi4", prompt = "hello" });
        await answer.Content.ReadAsByteArrayAsync();

        var known = default(JsonElement);
        await Eventually.TrueAsync(async () => (known = await proxy.GetAsync("/analytics/ollama")).GetProperty(
            "models") is { ValueKind: JsonValueKind.Array } models && models.GetArrayLength() == 1);

        Assert.Equal(("external", true, "phi4:latest"),
            (known.GetProperty("state").GetString(), known.GetProperty("is_up").GetBoolean(), known.GetProperty("models")[0].GetProperty("name").GetString()));
        Assert.Matches(@"^\d+\.\d+", known.GetProperty("version").GetString());
        Assert.True(known.GetProperty("loaded_bytes").GetInt64() > 0);
        Assert.Equal(JsonValueKind.String, known.GetProperty("models")[0].GetProperty("expires_at").ValueKind);
    }

    [Fact]
    public async Task Without_a_store_every_path_that_needs_one_explains_how_to_enable_it()
    {
        await using var proxy = await ProxyUnderTest.StartAsync(StoredRequests.Nobody, s_noStore);

        foreach (var path in (string[])["stats/enhanced", "search", "messages", "messages/1", "models", "export"])
        {
            using var answer = await proxy.Client.GetAsync($"/analytics/{path}");
            Assert.Equal((path, HttpStatusCode.ServiceUnavailable), (path, answer.StatusCode));
            Assert.Contains("ANALYTICS_BACKEND=sqlite", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        using var delete = await proxy.Client.DeleteAsync("/analytics/messages?all=true");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, delete.StatusCode);
        Assert.Equal("none", (await proxy.GetAsync("/analytics/stats")).GetProperty("backend").GetString());
    }

    /// <summary>An open stream of events.</summary>
    private sealed class Subscription : IDisposable
    {
            private readonly HttpResponseMessage _answer;
        private readonly StreamReader _lines;

        private Subscription(HttpResponseMessage answer, StreamReader lines) => (_answer, _lines) = (answer, lines);

        public static async Task<Subscription> OpenAsync(ProxyUnderTest proxy)
        {
            var answer = await proxy.Client.GetAsync("/analytics/live", HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", answer.Content.Headers.ContentType?.ToString());
            var lines = new StreamReader(await answer.Content.ReadAsStreamAsync());
            Assert.Equal("retry: 2000", await lines.ReadLineAsync().WaitAsync(Patience.Limit));
            return new Subscription(answer, lines);
        }

        public async Task<List<(string Name, JsonElement Data)>> ReadUntilAsync(string name)
        {
            List<(string Name, JsonElement Data)> events = [];
            do
            {
                events.AddRange(await ReadAsync(1));
            }
            while (events[^1].Name != name);
            return events;
        }

        public async Task<List<(string Name, JsonElement Data)>> ReadAsync(int count)
        {
            List<(string Name, JsonElement Data)> events = [];
            while (events.Count < count)
            {
                var line = await _lines.ReadLineAsync().WaitAsync(Patience.Limit) ?? throw new EndOfStreamException("The events ended.");
                if (line.StartsWith("event: ", StringComparison.Ordinal))
                {
                    var data = await _lines.ReadLineAsync().WaitAsync(Patience.Limit);
                    events.Add((line["event: ".Length..], JsonElement.Parse(data!["data: ".Length..])));
                }
            }

            return events;
        }

        public async Task<string> ReadToEndAsync() => (await _lines.ReadToEndAsync().WaitAsync(Patience.Limit)).Trim();

        public void Dispose()
        {
            _lines.Dispose();
            _answer.Dispose();
        }
    }
}
