using System.Net;
using Microsoft.Extensions.AI;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;
using OllamaSharp;

namespace OllamaProxy.FunctionalTests;

/// <summary>Unmodified Microsoft.Extensions.AI over OllamaSharp, with the proxy's address in place of Ollama's.</summary>
public sealed class ExtensionsAiTests : IAsyncLifetime
{
    private const string Sentence = ProxyBeforeSimulatedOllama.Sentence;

    private ProxyBeforeSimulatedOllama _bed = null!;
    private IChatClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _bed = await ProxyBeforeSimulatedOllama.StartAsync();
        _client = ClientOf(_bed.Proxy.Address);
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _bed.DisposeAsync();
    }

    [Fact]
    public async Task It_gets_an_unstreamed_response()
    {
        var response = await _client.GetResponseAsync("Hello", cancellationToken: Cancellation);

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal((Sentence, ChatFinishReason.Stop), (response.Text, response.FinishReason));
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "tiny", "Hello", Sentence, false), Summary(exchange));
        Assert.Equal((response.Usage?.InputTokenCount, response.Usage?.OutputTokenCount),
            (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
    }

    [Fact]
    public async Task It_streams_a_response()
    {
        var updates = await _client.GetStreamingResponseAsync("Hello", cancellationToken: Cancellation).ToListAsync(Cancellation);

        var exchange = await _bed.Recorded.SingleAsync();
        var usage = updates.ToChatResponse().Usage;
        Assert.Equal(Sentence, string.Concat(updates.Select(update => update.Text)));
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "tiny", "Hello", Sentence, true), Summary(exchange));
        Assert.Equal((usage?.InputTokenCount, usage?.OutputTokenCount), (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task It_calls_a_tool_and_returns_the_result(bool streams)
    {
        List<string> asked = [];
        var tool = AIFunctionFactory.Create((string city) => AskedFor(city), "get_weather", "Current weather of a city");
        var options = new ChatOptions { Tools = [tool] };

        var text = streams
            ? string.Concat(await _client.GetStreamingResponseAsync("Hello", options, Cancellation).Select(update => update.Text).ToListAsync(Cancellation))
            : (await _client.GetResponseAsync("Hello", options, Cancellation)).Text;

        var recorded = await _bed.Recorded.AllAsync(2);
        Assert.Equal(("Berlin", Sentence), (Assert.Single(asked), text));
        Assert.Equal(
            (ExchangeOutcome.Completed, """[{"name":"get_weather","arguments":{"city":"Berlin"}}]""", 1, 1, streams),
            (recorded[0].Outcome, recorded[0].Response.ToolCalls, recorded[0].Response.ToolCallCount, recorded[0].Request.ToolCount,
                recorded[0].Response.Streamed));
        Assert.NotNull(recorded[0].Response.Usage.CompletionTokens);
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "tiny", "Hello", Sentence, streams), Summary(recorded[1]));
        Assert.Equal((null, 1, 3), (recorded[1].Response.ToolCalls, recorded[1].Request.ToolCount, recorded[1].Request.MessageCount));

        string AskedFor(string city)
        {
            asked.Add(city);
            return "11 degrees";
        }
    }

    [Fact]
    public async Task An_abort_in_the_middle_of_a_stream_stops_ollama()
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var options = new ChatOptions { ModelId = ProxyBeforeSimulatedOllama.SlowModel };

        // OllamaSharp ends the enumeration without an exception.
        var count = 0;
        await foreach (var _ in _client.GetStreamingResponseAsync("Go on", options, leaving.Token))
        {
            if (++count == 2)
            {
                await leaving.CancelAsync();
            }
        }

        var exchange = await _bed.Recorded.SingleAsync();
        await Eventually.TrueAsync(() => _bed.Ollama.Received[^1].ClientLeft);
        Assert.Equal((ExchangeOutcome.ClientCancelled, 200, true), (exchange.Outcome, exchange.StatusCode, exchange.Response.Streamed));
        Assert.InRange(exchange.Response.ContentPieces, 2, 20);
    }

    [Theory]
    [InlineData("nobody", HttpStatusCode.NotFound, ErrorType.ModelNotFound, "model 'nobody' not found")]
    [InlineData("tiny-fault-busy", HttpStatusCode.ServiceUnavailable, ErrorType.Busy, "server busy, please try again.  maximum pending requests exceeded")]
    public async Task It_does_not_retry_and_gets_the_same_error_as_from_ollama_itself(string model, HttpStatusCode status, ErrorType type, string error)
    {
        var told = await RefusalAsync(_client, model);

        var exchange = await _bed.Recorded.SingleAsync();
        using var direct = ClientOf(_bed.Ollama.Address);
        var expected = await RefusalAsync(direct, model);
        Assert.Equal((status, expected.Message), (told.StatusCode, told.Message));
        Assert.Equal(
            (ExchangeOutcome.UpstreamError, type, (int)status, error, model),
            (exchange.Outcome, ErrorTypes.Of(exchange), exchange.StatusCode, exchange.Error, exchange.Request.Model));
    }

    [Fact]
    public async Task An_application_that_retries_succeeds_and_both_attempts_are_recorded()
    {
        _bed.Ollama.Faults.Next(Fault.Busy);

        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetResponseAsync("Hello", cancellationToken: Cancellation));
        var response = await _client.GetResponseAsync("Hello", cancellationToken: Cancellation);

        var tries = await _bed.Recorded.AllAsync(2);
        Assert.Equal(Sentence, response.Text);
        Assert.Equal((ExchangeOutcome.UpstreamError, ErrorType.Busy, 503), (tries[0].Outcome, ErrorTypes.Of(tries[0]), tries[0].StatusCode));
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "tiny", "Hello", Sentence, false), Summary(tries[1]));
    }

    private static IChatClient ClientOf(Uri address) => new ChatClientBuilder(new OllamaApiClient(address, "tiny")).UseFunctionInvocation().Build();

    private static Task<HttpRequestException> RefusalAsync(IChatClient client, string model) =>
        Assert.ThrowsAsync<HttpRequestException>(() => client.GetResponseAsync("Hello", new ChatOptions { ModelId = model }, Cancellation));

    private static (ApiEndpoint Endpoint, ExchangeOutcome Outcome, string? Model, string? Prompt, string? Text, bool Streamed) Summary(Exchange exchange) =>
        (exchange.Endpoint, exchange.Outcome, exchange.Request.Model, exchange.Request.Prompt, exchange.Response.Text, exchange.Response.Streamed);
}
