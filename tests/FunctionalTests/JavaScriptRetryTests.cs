using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The clients of OpenAI and Anthropic retry after a 503; each attempt is an exchange of its own.</summary>
public sealed class JavaScriptRetryTests
{
    private const string Busy = "server busy, please try again.  maximum pending requests exceeded";

    [Theory]
    [InlineData("openai", "chat")]
    [InlineData("anthropic", "message")]
    public async Task A_busy_ollama_is_retried_and_both_attempts_are_recorded(string client, string action)
    {
        await using var bed = await ProxyBeforeSimulatedOllama.StartAsync();
        bed.Ollama.Faults.Next(Fault.Busy);

        await NodeClient.ResultAsync(client, action, bed.Proxy.Address);

        var tries = await bed.Recorded.AllAsync(2);
        Assert.Equal(
            (ExchangeOutcome.UpstreamError, ErrorType.Busy, 503, Busy, "tiny", (int?)null),
            (tries[0].Outcome, ErrorTypes.Of(tries[0]), tries[0].StatusCode, tries[0].Error, tries[0].Request.Model, tries[0].Response.Usage.CompletionTokens));
        Assert.Equal(
            (ExchangeOutcome.Completed, 200, "tiny", ProxyBeforeSimulatedOllama.Sentence),
            (tries[1].Outcome, tries[1].StatusCode, tries[1].Request.Model, tries[1].Response.Text));
        Assert.Equal(["0", "1"],
            bed.Ollama.Received.Select(
            request => request.Headers.Single(header => header.Key.Equals("x-stainless-retry-count", StringComparison.OrdinalIgnoreCase)).Value));
    }

    [Theory]
    [InlineData("openai", "chat", "InternalServerError", $"503 {Busy}")]
    [InlineData("anthropic", "message", "ServiceUnavailableError", $$"""503 {"type":"error","error":{"type":"overloaded_error","message":"{{Busy}}"}""")]
    public async Task An_ollama_that_stays_busy_is_tried_three_times_and_its_error_is_shown(string client, string action, string name, string message)
    {
        await using var bed = await ProxyBeforeSimulatedOllama.StartAsync();

        var error = (await NodeClient.RunAsync(client, action, bed.Proxy.Address, "tiny-fault-busy")).GetProperty("error");

        Assert.Equal((name, 503), (error.GetProperty("name").GetString(), error.GetProperty("status").GetInt32()));
        Assert.StartsWith(message, error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.All(await bed.Recorded.AllAsync(3),
            exchange => Assert.Equal((ExchangeOutcome.UpstreamError, 503, Busy), (exchange.Outcome, exchange.StatusCode, exchange.Error)));
    }

    [Theory]
    [InlineData("openai", "chat")]
    [InlineData("anthropic", "message")]
    public async Task A_full_queue_is_retried_after_the_proxys_Retry_After(string client, string action)
    {
        await using var bed = await ProxyBeforeSimulatedOllama.StartAsync(("MAX_CONCURRENT_REQUESTS", "1"), ("MAX_QUEUED_REQUESTS", "0"));
        bed.Ollama.Faults.Next(Fault.Hang);
        using var leaves = new CancellationTokenSource();
        var holds = bed.Proxy.Client.PostAsync("/api/generate", new StringContent("""{"model":"slow","prompt":"a"}"""), leaves.Token);
        await Eventually.TrueAsync(() => bed.Ollama.Received is [{ BodySha256: not null }]);

        var answer = NodeClient.ResultAsync(client, action, bed.Proxy.Address);
        var refused = await bed.Recorded.SingleAsync();
        await leaves.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => holds);
        await answer;

        var recorded = await bed.Recorded.AllAsync(3);
        var completed = recorded.Single(exchange => exchange.Outcome == ExchangeOutcome.Completed);
        Assert.Equal((ExchangeOutcome.Rejected, ErrorType.QueueFull, 503), (refused.Outcome, ErrorTypes.Of(refused), refused.StatusCode));
        Assert.Equal((refused.Endpoint, 200, "tiny"), (completed.Endpoint, completed.StatusCode, completed.Request.Model));
        // Retry-After is 1 s; without it, the clients would retry after half a second.
        Assert.InRange(completed.StartedAt - refused.StartedAt, TimeSpan.FromSeconds(0.95), TimeSpan.FromMinutes(1));
        Assert.Equal(2, bed.Ollama.Received.Count);
    }
}
