using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// The official, unmodified <c>@anthropic-ai/sdk</c> package from npm, with the proxy's address in place of Anthropic's. Its retries are in
/// <see cref="JavaScriptRetryTests"/>.
/// </summary>
public sealed class AnthropicJavaScriptTests : IAsyncLifetime
{
    private const string Sentence = ProxyBeforeSimulatedOllama.Sentence;

    private ProxyBeforeSimulatedOllama _bed = null!;

    public async ValueTask InitializeAsync() => _bed = await ProxyBeforeSimulatedOllama.StartAsync();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task It_gets_an_unstreamed_message()
    {
        var message = await ResultAsync("message");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal((Sentence, "end_turn"), (Text(message), message.GetProperty("stop_reason").GetString()));
        Assert.Equal((ExchangeOutcome.Completed, "tiny", "Hello", Sentence, false), Summary(exchange));
        Assert.Equal(Usage(message), (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
        Assert.Equal(100, exchange.Request.MaxTokens);
        Assert.StartsWith("Anthropic/JS", exchange.UserAgent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_streams_a_message_with_its_token_counts()
    {
        var streamed = await ResultAsync("stream");

        var exchange = await _bed.Recorded.SingleAsync();
        var message = streamed.GetProperty("final");
        Assert.Equal(Sentence, string.Concat(streamed.GetProperty("pieces").EnumerateArray().Select(piece => piece.GetString())));
        Assert.Equal((Sentence, "end_turn"), (Text(message), message.GetProperty("stop_reason").GetString()));
        Assert.Equal(message.GetProperty("content")[0].GetProperty("thinking").GetString(), exchange.Response.Thinking);
        Assert.Equal((ExchangeOutcome.Completed, "tiny", "Hello", Sentence, true), Summary(exchange));
        Assert.Equal(Usage(message), (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
        Assert.Equal((true, false), (exchange.Request.Stream, exchange.Response.Usage.Estimated));
    }

    [Theory]
    [InlineData("toolCall", false)]
    [InlineData("toolCallStream", true)]
    public async Task It_calls_a_tool_and_returns_the_result(string action, bool streams)
    {
        var conversation = await ResultAsync(action);

        var called = conversation.GetProperty("called");
        var use = called.GetProperty("content").EnumerateArray().Single(block => block.GetProperty("type").GetString() == "tool_use");
        Assert.Equal(
            ("get_weather", "Berlin", "tool_use"),
            (use.GetProperty("name").GetString(), use.GetProperty("input").GetProperty("city").GetString(), called.GetProperty("stop_reason").GetString()));
        Assert.Equal(Sentence, Text(conversation.GetProperty("answered")));

        var recorded = await _bed.Recorded.AllAsync(2);
        Assert.Equal(
            (ExchangeOutcome.Completed, """[{"name":"get_weather","arguments":{"city":"Berlin"}}]""", 1, 1, streams),
            (recorded[0].Outcome, recorded[0].Response.ToolCalls, recorded[0].Response.ToolCallCount, recorded[0].Request.ToolCount,
                recorded[0].Response.Streamed));
        Assert.Equal(Usage(called), (recorded[0].Response.Usage.PromptTokens, recorded[0].Response.Usage.CompletionTokens));
        Assert.Equal((ExchangeOutcome.Completed, "tiny", "Hello", Sentence, streams), Summary(recorded[1]));
        Assert.Equal((null, 1, 3), (recorded[1].Response.ToolCalls, recorded[1].Request.ToolCount, recorded[1].Request.MessageCount));
    }

    [Fact]
    public async Task An_abort_in_the_middle_of_a_stream_stops_ollama()
    {
        var error = (await NodeClient.RunAsync("anthropic", "abort", _bed.Proxy.Address, ProxyBeforeSimulatedOllama.SlowModel)).GetProperty("error");

        var exchange = await _bed.Recorded.SingleAsync();
        await Eventually.TrueAsync(() => _bed.Ollama.Received[^1].ClientLeft);
        Assert.Equal("APIUserAbortError", error.GetProperty("name").GetString());
        Assert.Equal((ExchangeOutcome.ClientCancelled, 200, true), (exchange.Outcome, exchange.StatusCode, exchange.Response.Streamed));
        Assert.InRange(exchange.Response.ContentPieces, 2, 20);
    }

    [Fact]
    public async Task It_gets_ollamas_error_for_an_unknown_model()
    {
        var error = (await NodeClient.RunAsync("anthropic", "message", _bed.Proxy.Address, "nobody")).GetProperty("error");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(("NotFoundError", 404), (error.GetProperty("name").GetString(), error.GetProperty("status").GetInt32()));
        Assert.Contains("model 'nobody' not found", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(
            (ExchangeOutcome.UpstreamError, ErrorType.ModelNotFound, 404, "model 'nobody' not found", "nobody"),
            (exchange.Outcome, ErrorTypes.Of(exchange), exchange.StatusCode, exchange.Error, exchange.Request.Model));
    }

    private Task<JsonElement> ResultAsync(string action) => NodeClient.ResultAsync("anthropic", action, _bed.Proxy.Address);

    /// <summary>The text of the message, without its thinking blocks.</summary>
    private static string Text(JsonElement message) =>
        string.Concat(message.GetProperty("content").EnumerateArray().Where(block => block.GetProperty("type").GetString() == "text").Select(
            block => block.GetProperty("text").GetString()));

    private static (int? Prompt, int? Completion) Usage(JsonElement message) =>
        (message.GetProperty("usage").GetProperty("input_tokens").GetInt32(), message.GetProperty("usage").GetProperty("output_tokens").GetInt32());

    private static (ExchangeOutcome Outcome, string? Model, string? Prompt, string? Text, bool Streamed) Summary(Exchange exchange)
    {
        Assert.Equal(ApiEndpoint.AnthropicMessages, exchange.Endpoint);
        return (exchange.Outcome, exchange.Request.Model, exchange.Request.Prompt, exchange.Response.Text, exchange.Response.Streamed);
    }
}
