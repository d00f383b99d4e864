using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The official, unmodified <c>openai</c> package from npm: every endpoint but chat.</summary>
public sealed class OpenAiEndpointJavaScriptTests : IAsyncLifetime
{
    private const string Sentence = ProxyBeforeSimulatedOllama.Sentence;

    private ProxyBeforeSimulatedOllama _bed = null!;

    public async ValueTask InitializeAsync() => _bed = await ProxyBeforeSimulatedOllama.StartAsync();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task It_gets_an_unstreamed_response()
    {
        var answer = await ResultAsync("responses");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(("completed", Sentence), (answer.GetProperty("status").GetString(), answer.GetProperty("output_text").GetString()));
        Assert.Equal((ApiEndpoint.OpenAiResponses, ExchangeOutcome.Completed, "tiny", "Hello", Sentence, false), Summary(exchange));
        Assert.Equal(Usage(answer), (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
    }

    [Fact]
    public async Task It_streams_a_response()
    {
        var events = (await ResultAsync("responsesStream")).EnumerateArray().ToList();

        var exchange = await _bed.Recorded.SingleAsync();
        var deltas = events.Where(happened => happened.GetProperty("type").GetString() == "response.output_text.delta").Select(
            happened => happened.GetProperty("delta").GetString()).ToList();
        Assert.Equal(Sentence, string.Concat(deltas));
        Assert.Equal("response.completed", events[^1].GetProperty("type").GetString());
        Assert.Equal((ApiEndpoint.OpenAiResponses, ExchangeOutcome.Completed, "tiny", "Hello", Sentence, true), Summary(exchange));
        Assert.Equal(deltas.Count, exchange.Response.ContentPieces);
        Assert.Equal(Usage(events[^1].GetProperty("response")), (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
    }

    [Theory]
    [InlineData("responsesToolCall", false)]
    [InlineData("responsesToolCallStream", true)]
    public async Task It_calls_a_tool_through_the_responses_API_and_returns_the_result(string action, bool streams)
    {
        var conversation = await ResultAsync(action);

        var called = conversation.GetProperty("called");
        var call = called.GetProperty("output")[0];
        Assert.Equal(
            ("function_call", "get_weather", """{"city":"Berlin"}"""),
            (call.GetProperty("type").GetString(), call.GetProperty("name").GetString(), call.GetProperty("arguments").GetString()));
        Assert.Equal(Sentence, conversation.GetProperty("answered").GetProperty("output")[0].GetProperty("content")[0].GetProperty("text").GetString());

        var recorded = await _bed.Recorded.AllAsync(2);
        Assert.Equal(
            (ExchangeOutcome.Completed, """[{"name":"get_weather","arguments":{"city":"Berlin"}}]""", 1, 1, streams),
            (recorded[0].Outcome, recorded[0].Response.ToolCalls, recorded[0].Response.ToolCallCount, recorded[0].Request.ToolCount,
                recorded[0].Response.Streamed));
        Assert.Equal(Usage(called), (recorded[0].Response.Usage.PromptTokens, recorded[0].Response.Usage.CompletionTokens));
        Assert.Equal((ApiEndpoint.OpenAiResponses, ExchangeOutcome.Completed, "tiny", "Hello", Sentence, streams), Summary(recorded[1]));
        Assert.Null(recorded[1].Response.ToolCalls);
    }

    [Fact]
    public async Task It_completes_without_streaming()
    {
        var answer = await ResultAsync("completion");

        var exchange = await _bed.Recorded.SingleAsync();
        var usage = answer.GetProperty("usage");
        Assert.Equal(Sentence, answer.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal((ApiEndpoint.OpenAiCompletions, ExchangeOutcome.Completed, "tiny", "Explain foxes", Sentence, false), Summary(exchange));
        Assert.Equal(
            (usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32()),
            (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens));
    }

    [Fact]
    public async Task It_completes_with_streaming()
    {
        var pieces = (await ResultAsync("completionStream")).EnumerateArray().ToList();

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, string.Concat(pieces.Select(piece => piece.GetProperty("choices")[0].GetProperty("text").GetString())));
        Assert.Equal((ApiEndpoint.OpenAiCompletions, ExchangeOutcome.Completed, "tiny", "Explain foxes", Sentence, true), Summary(exchange));
        Assert.Equal((null, exchange.Response.ContentPieces, true),
            (exchange.Response.Usage.PromptTokens, exchange.Response.Usage.CompletionTokens, exchange.Response.Usage.Estimated));
    }

    [Fact]
    public async Task It_embeds()
    {
        var answer = await ResultAsync("embed");

        var exchange = await _bed.Recorded.SingleAsync();
        var data = answer.GetProperty("data");
        Assert.Equal((2, 512), (data.GetArrayLength(), data[0].GetProperty("embedding").GetArrayLength()));
        Assert.All(data[0].GetProperty("embedding").EnumerateArray(), number => Assert.InRange(number.GetDouble(), -0.07, 0.07));
        Assert.Equal((ApiEndpoint.OpenAiEmbeddings, ExchangeOutcome.Completed, "tiny-embed"), (exchange.Endpoint, exchange.Outcome, exchange.Request.Model));
        Assert.Equal(answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32(), exchange.Response.Usage.PromptTokens);
    }

    [Fact]
    public async Task It_lists_the_models()
    {
        var models = (await ResultAsync("models")).EnumerateArray().Select(model => model.GetProperty("id").GetString());

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Contains("tiny:latest", models);
        Assert.Equal(("/v1/models", 200, ExchangeOutcome.Completed), (exchange.Target, exchange.StatusCode, exchange.Outcome));
    }

    private Task<JsonElement> ResultAsync(string action) => NodeClient.ResultAsync("openai", action, _bed.Proxy.Address);

    private static (int? Prompt, int? Completion) Usage(JsonElement response) =>
        (response.GetProperty("usage").GetProperty("input_tokens").GetInt32(), response.GetProperty("usage").GetProperty("output_tokens").GetInt32());

    private static (ApiEndpoint Endpoint, ExchangeOutcome Outcome, string? Model, string? Prompt, string? Text, bool Streamed) Summary(Exchange exchange) =>
        (exchange.Endpoint, exchange.Outcome, exchange.Request.Model, exchange.Request.Prompt, exchange.Response.Text, exchange.Response.Streamed);
}
