using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>
/// The official, unmodified <c>openai</c> package from npm, with the proxy's address in place of OpenAI's: chat and errors. Its retries are in
/// <see cref="JavaScriptRetryTests"/>.
/// </summary>
public sealed class OpenAiJavaScriptTests : IAsyncLifetime
{
    private const string Sentence = ProxyBeforeSimulatedOllama.Sentence;

    private ProxyBeforeSimulatedOllama _bed = null!;

    public async ValueTask InitializeAsync() => _bed = await ProxyBeforeSimulatedOllama.StartAsync();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task It_chats_without_streaming()
    {
        var answer = await ResultAsync("chat");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
        Assert.Equal((ExchangeOutcome.Completed, "tiny", "Hello", Sentence, "stop"), Summary(exchange));
        Assert.Equal((null, false), (exchange.Request.Stream, exchange.Response.Streamed));
        Assert.Equal(Usage(answer), (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
        Assert.StartsWith("OpenAI/JS", exchange.UserAgent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_chats_with_streaming()
    {
        var pieces = (await ResultAsync("chatStream")).EnumerateArray().ToList();

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, Text(pieces));
        Assert.Equal("stop", pieces[^1].GetProperty("choices")[0].GetProperty("finish_reason").GetString());
        Assert.Equal((ExchangeOutcome.Completed, "tiny", "Hello", Sentence, "stop"), Summary(exchange));
        Assert.Equal((true, true), (exchange.Request.Stream, exchange.Response.Streamed));
        Assert.Equal(pieces.Count - 1, exchange.Response.ContentPieces);
        // Without include_usage, the chunks give a lower bound, and the prompt tokens are unknown.
        Assert.Equal((null, pieces.Count - 1, true),
            (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens, exchange.Response.Usage.Estimated));
    }

    [Fact]
    public async Task It_chats_with_streaming_and_include_usage()
    {
        var pieces = (await ResultAsync("chatStreamWithUsage")).EnumerateArray().ToList();

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, Text(pieces));
        Assert.Equal((ExchangeOutcome.Completed, "tiny", "Hello", Sentence, "stop"), Summary(exchange));
        Assert.Equal(Usage(pieces[^1]), (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
        Assert.False(exchange.Response.Usage.Estimated);
        Assert.True(exchange.Response.Streamed);
    }

    [Theory]
    [InlineData("toolCall", false)]
    [InlineData("toolCallStream", true)]
    public async Task It_calls_a_tool_and_returns_the_result(string action, bool streams)
    {
        var conversation = await ResultAsync(action);

        var called = conversation.GetProperty("called");
        var choice = called.GetProperty("choices")[0];
        var function = choice.GetProperty("message").GetProperty("tool_calls")[0].GetProperty("function");
        Assert.Equal(("get_weather", """{"city":"Berlin"}""", "tool_calls"),
            (function.GetProperty("name").GetString(), function.GetProperty("arguments").GetString(), choice.GetProperty("finish_reason").GetString()));
        Assert.Equal(Sentence, conversation.GetProperty("answered").GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());

        var recorded = await _bed.Recorded.AllAsync(2);
        Assert.Equal(
            (ExchangeOutcome.Completed, """[{"name":"get_weather","arguments":{"city":"Berlin"}}]""", 1, 1, "tool_calls"),
            (recorded[0].Outcome, recorded[0].Response.ToolCalls, recorded[0].Response.ToolCallCount, recorded[0].Request.ToolCount,
                recorded[0].Response.FinishReason));
        Assert.Equal(Usage(called), (recorded[0].Response.Usage.PromptTokens, recorded[0].Response.Usage.CompletionTokens));
        Assert.Equal((ExchangeOutcome.Completed, "tiny", "Hello", Sentence, "stop"), Summary(recorded[1]));
        Assert.Equal((null, 1, 3), (recorded[1].Response.ToolCalls, recorded[1].Request.ToolCount, recorded[1].Request.MessageCount));
        Assert.All(recorded, exchange => Assert.Equal(streams, exchange.Response.Streamed));
    }

    [Fact]
    public async Task An_abort_in_the_middle_of_a_stream_stops_ollama()
    {
        var pieces = await ResultAsync("abort", ProxyBeforeSimulatedOllama.SlowModel);

        var exchange = await _bed.Recorded.SingleAsync();
        await Eventually.TrueAsync(() => _bed.Ollama.Received[^1].ClientLeft);
        Assert.Equal(2, pieces.GetInt32());
        Assert.Equal((ExchangeOutcome.ClientCancelled, 200, true), (exchange.Outcome, exchange.StatusCode, exchange.Response.Streamed));
        Assert.InRange(exchange.Response.ContentPieces, 2, 20);
        Assert.Equal((exchange.Response.ContentPieces, true), (exchange.Response.Usage.CompletionTokens, exchange.Response.Usage.Estimated));
    }

    [Fact]
    public async Task It_gets_ollamas_error_for_an_unknown_model()
    {
        var error = (await NodeClient.RunAsync("openai", "chat", _bed.Proxy.Address, "nobody")).GetProperty("error");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(
            ("NotFoundError", "404 model 'nobody' not found", 404),
            (error.GetProperty("name").GetString(), error.GetProperty("message").GetString(), error.GetProperty("status").GetInt32()));
        Assert.Equal(
            (ExchangeOutcome.UpstreamError, ErrorType.ModelNotFound, 404, "model 'nobody' not found", "nobody"),
            (exchange.Outcome, ErrorTypes.Of(exchange), exchange.StatusCode, exchange.Error, exchange.Request.Model));
    }

    private Task<JsonElement> ResultAsync(string action, params string[] arguments) => NodeClient.ResultAsync("openai", action, _bed.Proxy.Address, arguments);

    private static string Text(IEnumerable<JsonElement> pieces) =>
        string.Concat(pieces.SelectMany(piece => piece.GetProperty("choices").EnumerateArray()).Select(
            choice => choice.GetProperty("delta").TryGetProperty("content", out var text) ? text.GetString() : ""));

    private static (int? Prompt, int? Completion) Usage(JsonElement answer) =>
        (answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());

    private static (ExchangeOutcome Outcome, string? Model, string? Prompt, string? Text, string? Why) Summary(Exchange exchange)
    {
        Assert.Equal(ApiEndpoint.OpenAiChat, exchange.Endpoint);
        return (exchange.Outcome, exchange.Request.Model, exchange.Request.Prompt, exchange.Response.Text, exchange.Response.FinishReason);
    }
}
