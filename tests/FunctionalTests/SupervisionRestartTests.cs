using System.Diagnostics;
using System.Net;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>An Ollama that crashes, does not answer, hangs or keeps crashing is replaced, and none of its processes is left behind.</summary>
public sealed class SupervisionRestartTests
{
    private const string Prompt = """{"model":"tiny","prompt":"hello","stream":false}""";

    [Fact]
    public async Task A_crashed_Ollama_is_replaced_within_two_seconds_and_requests_wait_for_it()
    {
        await using var ollama = await SupervisedOllama.StartAsync();

        var watch = Stopwatch.StartNew();
        await ollama.KillFirstAsync();
        using var answer = await ollama.Client.PostAsync("/api/generate", new StringContent(Prompt));
        var took = watch.Elapsed;

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        // Two seconds, or on a busy machine a multiple of the time that the first start took.
        Assert.InRange(took.TotalSeconds, 0, Math.Max(2, 4 * ollama.FirstStart.TotalSeconds));
        Assert.NotEqual(ollama.FirstChild, await ollama.ReadyAgainAsync());
        ollama.AssertFirstIsGone();
        Assert.Equal(1, await ollama.RestartsAsync("exited"));
        Assert.Contains("Ollama exited unexpectedly (exit code 137)", ollama.Proxy.Output, StringComparison.Ordinal);
        // The wait is where it belongs: nobody can be connected to before it is there.
        await Eventually.TrueAsync(async () => (await ollama.RecordsAsync("generate")).Length == 1);
        var record = (await ollama.RecordsAsync("generate"))[0];
        Assert.Equal("completed", record.GetProperty("outcome").GetString());
        Assert.True(record.GetProperty("connect_time").GetDouble() > 0.05, record.ToString());
        await ollama.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task The_CLIs_first_requests_wait_too_and_others_get_503_at_once()
    {
        await using var ollama = await SupervisedOllama.StartAsync("[ $STARTS = 1 ] || sleep 1");

        await SupervisedOllama.SignalAsync("KILL", ollama.FirstChild);
        await Eventually.TrueAsync(async () => (await ollama.StateAsync()).State == "starting");
        using var head = new HttpRequestMessage(HttpMethod.Head, "/");
        var asked = ollama.Client.SendAsync(head);
        var version = ollama.Client.GetAsync("/api/version");
        using var tags = await ollama.Client.GetAsync("/api/tags");

        Assert.Equal(HttpStatusCode.ServiceUnavailable, tags.StatusCode);
        Assert.Contains("is starting", await tags.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.NotNull(tags.Headers.RetryAfter);
        using var first = await asked;
        using var second = await version;
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (first.StatusCode, second.StatusCode));
        await ollama.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task A_wait_for_a_start_ends_at_its_timeout()
    {
        await using var ollama = await SupervisedOllama.StartAsync("[ $STARTS = 1 ] || sleep 600", ("OLLAMA_START_WAIT_SECONDS", "1"));

        await ollama.KillFirstAsync();
        await Eventually.TrueAsync(async () => (await ollama.StateAsync()).State == "starting");
        using var answer = await ollama.Client.PostAsync("/v1/chat/completions", new StringContent("""{"model":"tiny","messages":[]}"""));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.StartsWith("""{"error":{"message":"ollama-proxy: Ollama at """, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await Eventually.TrueAsync(
            async () => (await ollama.RecordsAsync("v1/chat/completions")) is [var only] && only.GetProperty("outcome").GetString() == "upstream_unreachable");
        await ollama.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task A_client_that_disconnects_while_it_waits_has_cancelled()
    {
        await using var ollama = await SupervisedOllama.StartAsync("[ $STARTS = 1 ] || sleep 600");
        await SupervisedOllama.SignalAsync("KILL", ollama.FirstChild);
        await Eventually.TrueAsync(async () => (await ollama.StateAsync()).State == "starting");

        using var leaves = new CancellationTokenSource();
        var waiting = ollama.Client.PostAsync("/api/generate", new StringContent(Prompt), leaves.Token);
        await Eventually.TrueAsync(async () => (await ollama.Client.GetStringAsync("/metrics")).Contains(
            "ollama_endpoint_active_requests{endpoint=\"generate\"} 1", StringComparison.Ordinal));
        await leaves.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        await Eventually.TrueAsync(
            async () => (await ollama.RecordsAsync("generate")) is [var only] && only.GetProperty("outcome").GetString() == "client_cancelled");
        await ollama.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task Requests_that_wait_for_a_start_when_the_proxy_stops_are_answered_and_recorded()
    {
        await using var ollama = await SupervisedOllama.StartAsync("[ $STARTS = 1 ] || sleep 600", ("SHUTDOWN_GRACE_SECONDS", "1"));
        await SupervisedOllama.SignalAsync("KILL", ollama.FirstChild);
        await Eventually.TrueAsync(async () => (await ollama.StateAsync()).State == "starting");
        var waiting = ollama.Client.PostAsync("/api/generate", new StringContent(Prompt));
        await Eventually.TrueAsync(async () => (await ollama.Client.GetStringAsync("/metrics")).Contains(
            "ollama_endpoint_active_requests{endpoint=\"generate\"} 1", StringComparison.Ordinal));

        await ollama.StopWithoutOrphansAsync();

        using var answer = await waiting;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("is stopping", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        var line = Assert.Single(ollama.StoredLines(), line => line.Contains("/api/generate", StringComparison.Ordinal));
        Assert.Contains("\"proxy_stopped\"", line, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Three_failed_checks_replace_an_unresponsive_Ollama()
    {
        await using var ollama = await SupervisedOllama.StartAsync(null, ("OLLAMA_HEALTH_INTERVAL_SECONDS", "1"));

        // A stopped process still accepts connections on its port, but answers nothing.
        await SupervisedOllama.SignalAsync("STOP", ollama.FirstChild);
        await Eventually.TrueAsync(async () => (await ollama.StateAsync()).State == "unhealthy");
        await ollama.ReadyAgainAsync();

        ollama.AssertFirstIsGone();
        Assert.Equal((1, 0), (await ollama.RestartsAsync("unhealthy"), await ollama.RestartsAsync("exited")));
        Assert.Equal("Ollama is running", await ollama.Client.GetStringAsync("/"));
        await ollama.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task An_Ollama_with_stalled_inferences_is_replaced_although_it_answers()
    {
        await using var ollama = await SupervisedOllama.StartAsync(null, ("OLLAMA_HANG_SECONDS", "2"));

        using var answer = await ollama.Client.PostAsync("/api/generate", new StringContent("""{"model":"tiny-fault-hang","prompt":"hello"}"""));
        await ollama.ReadyAgainAsync();

        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
        ollama.AssertFirstIsGone();
        Assert.Equal(1, await ollama.RestartsAsync("hung"));
        Assert.Contains("OLLAMA_HANG_SECONDS", ollama.Proxy.Output, StringComparison.Ordinal);
        await ollama.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task A_crash_loop_is_reported_answers_requests_at_once_and_can_be_stopped()
    {
        await using var ollama = await SupervisedOllama.StartAsync("[ $STARTS = 1 ] || { echo 'Error: the disk is broken' >&2; exit 3; }");

        await SupervisedOllama.SignalAsync("KILL", ollama.FirstChild);
        await Eventually.TrueAsync(async () => (await ollama.StateAsync()).State == "crash_loop");
        using var answer = await ollama.Client.PostAsync("/api/generate", new StringContent(Prompt));

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("keeps exiting", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await Eventually.TrueAsync(() => ollama.Proxy.Output.Contains("Ollama is in a crash loop: it failed 5 times in a row", StringComparison.Ordinal));
        Assert.Contains("Ollama exited unexpectedly (exit code 3): Error: the disk is broken. Its last lines:", ollama.Proxy.Output, StringComparison.Ordinal);
        await ollama.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task A_proxy_that_is_killed_leaves_neither_Ollama_nor_runner()
    {
        await using var ollama = await SupervisedOllama.StartAsync();

        await ollama.StopWithoutOrphansAsync("KILL");
    }

    [Fact]
    public async Task Processes_left_by_a_killed_proxy_are_found_by_their_mark_and_ended_at_the_next_start()
    {
        await using var ollama = await SupervisedOllama.StartAsync();

        // Kill both at once, so that no process is left to end the runner.
        await SupervisedOllama.SignalAsync("KILL", ollama.FirstChild, ollama.Proxy.Id);
        await ollama.Proxy.ExitAsync();
        // It may already be gone: a proxy that another test starts at the same time also ends leftover processes.
        await Eventually.TrueAsync(() => OllamaFiles.RunningInGroup(ollama.FirstChild).Count <= 1);

        await using var next = await SupervisedOllama.StartAsync();

        await ollama.NoOrphanAsync();
        await next.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task The_Ollama_of_another_living_proxy_is_left_alone()
    {
        await using var first = await SupervisedOllama.StartAsync();
        await using var second = await SupervisedOllama.StartAsync();

        Assert.Equal(2, OllamaFiles.RunningInGroup(first.FirstChild).Count);
        Assert.DoesNotContain("left behind by an earlier ollama-proxy", second.Proxy.Output, StringComparison.Ordinal);
        await second.StopWithoutOrphansAsync();
        Assert.Equal(2, OllamaFiles.RunningInGroup(first.FirstChild).Count);
        await first.StopWithoutOrphansAsync();
    }

    [Fact]
    public async Task An_Ollama_that_exits_while_the_proxy_drains_is_not_restarted()
    {
        await using var ollama = await SupervisedOllama.StartAsync();
        using var leaves = new CancellationTokenSource();
        // A request that keeps the stop waiting.
        var held = ollama.Client.PostAsync("/api/generate", new StringContent("""{"model":"tiny-fault-hang","prompt":"hello"}"""), leaves.Token);
        await Eventually.TrueAsync(
            async () => (await ollama.Client.GetStringAsync("/metrics")).Contains("ollama_active_requests{} 1", StringComparison.Ordinal));

        await ollama.Proxy.SignalAsync("TERM");
        await Eventually.TrueAsync(async () => await IsRefusedAsync(ollama));
        await SupervisedOllama.SignalAsync("KILL", ollama.FirstChild);

        Assert.Equal(0, await ollama.Proxy.ExitAsync());
        Assert.DoesNotContain("Restarting Ollama", ollama.Proxy.Output, StringComparison.Ordinal);
        await ollama.NoOrphanAsync();
        using var answer = await held;
        Assert.Equal(HttpStatusCode.BadGateway, answer.StatusCode);
    }

    private static async Task<bool> IsRefusedAsync(SupervisedOllama ollama)
    {
        using var client = new HttpClient();
        try
        {
            using var response = await client.GetAsync(new Uri(ollama.Proxy.Address, "/healthz"));
            return false;
        }
        catch (HttpRequestException)
        {
            return true;
        }
    }
}
