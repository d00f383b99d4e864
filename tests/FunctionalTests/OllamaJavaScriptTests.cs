using System.Text.Json;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The official, unmodified <c>ollama</c> package from npm, with the proxy's address in place of Ollama's.</summary>
public sealed class OllamaJavaScriptTests : IAsyncLifetime
{
    private const string Sentence = ProxyBeforeSimulatedOllama.Sentence;

    private ProxyBeforeSimulatedOllama _bed = null!;

    public async ValueTask InitializeAsync() => _bed = await ProxyBeforeSimulatedOllama.StartAsync();

    public ValueTask DisposeAsync() => _bed.DisposeAsync();

    [Fact]
    public async Task It_generates_without_streaming()
    {
        var answer = await ResultAsync("generate");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, answer.GetProperty("response").GetString());
        Assert.Equal((ApiEndpoint.Generate, ExchangeOutcome.Completed, "Explain foxes", Sentence), Summary(exchange));
        Assert.Equal(answer.GetProperty("eval_count").GetInt32(), exchange.Response.Usage.CompletionTokens);
        Assert.StartsWith("ollama-js/", exchange.UserAgent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task It_generates_with_streaming()
    {
        var pieces = (await ResultAsync("generateStream")).EnumerateArray().ToList();

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, string.Concat(pieces.Select(piece => piece.GetProperty("response").GetString())));
        Assert.Equal((ApiEndpoint.Generate, ExchangeOutcome.Completed, "Explain foxes", Sentence), Summary(exchange));
        Assert.Equal(pieces[^1].GetProperty("eval_count").GetInt32(), exchange.Response.Usage.CompletionTokens);
        Assert.True(exchange.Response.Streamed);
    }

    [Fact]
    public async Task It_chats_without_streaming()
    {
        var answer = await ResultAsync("chat");

        Assert.Equal(Sentence, answer.GetProperty("message").GetProperty("content").GetString());
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "Hello", Sentence), Summary(await _bed.Recorded.SingleAsync()));
    }

    [Fact]
    public async Task It_chats_with_streaming()
    {
        var pieces = (await ResultAsync("chatStream")).EnumerateArray().ToList();

        Assert.Equal(Sentence, string.Concat(pieces.Select(piece => piece.GetProperty("message").GetProperty("content").GetString())));
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "Hello", Sentence), Summary(await _bed.Recorded.SingleAsync()));
    }

    [Fact]
    public async Task An_abort_in_the_middle_of_a_stream_stops_ollama()
    {
        var outcome = await RunAsync("abort", ProxyBeforeSimulatedOllama.SlowModel);

        var exchange = await _bed.Recorded.SingleAsync();
        await Eventually.TrueAsync(() => _bed.Ollama.Received[^1].ClientLeft);
        Assert.Equal("AbortError", outcome.GetProperty("error").GetProperty("name").GetString());
        Assert.Equal((ExchangeOutcome.ClientCancelled, 200), (exchange.Outcome, exchange.StatusCode));
        Assert.InRange(exchange.Response.ContentPieces, 2, 20);
    }

    [Fact]
    public async Task It_embeds()
    {
        var embeddings = (await ResultAsync("embed")).GetProperty("embeddings");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal((2, 512), (embeddings.GetArrayLength(), embeddings[0].GetArrayLength()));
        Assert.Equal((ApiEndpoint.Embed, ExchangeOutcome.Completed, "tiny-embed"), (exchange.Endpoint, exchange.Outcome, exchange.Request.Model));
    }

    [Fact]
    public async Task It_lists_and_shows_models_and_lists_the_loaded_ones()
    {
        var models = (await ResultAsync("list")).GetProperty("models").EnumerateArray().Select(model => model.GetProperty("name").GetString());
        var shown = await ResultAsync("show");
        var running = await ResultAsync("ps");
        var version = await ResultAsync("version");

        await Eventually.TrueAsync(() => _bed.Recorded.All.Count == 4);
        Assert.Contains("tiny:latest", models);
        Assert.Contains("tools", shown.GetProperty("capabilities").EnumerateArray().Select(capability => capability.GetString()));
        Assert.Equal(0, running.GetProperty("models").GetArrayLength());
        Assert.Equal("0.32.15", version.GetProperty("version").GetString());
        Assert.Equal(["/api/tags", "/api/show", "/api/ps", "/api/version"], _bed.Recorded.All.Select(exchange => exchange.Target));
        Assert.All(_bed.Recorded.All, exchange => Assert.Equal((200, ExchangeOutcome.Completed), (exchange.StatusCode, exchange.Outcome)));
    }

    [Fact]
    public async Task It_pulls_with_progress()
    {
        var states = (await ResultAsync("pull")).EnumerateArray().ToList();

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(("pulling manifest", "success"), (states[0].GetProperty("status").GetString(), states[^1].GetProperty("status").GetString()));
        Assert.Equal(
            [20, 40, 60, 80, 100],
            states.Where(state => state.TryGetProperty("completed", out _))
                .Select(state => Math.Round(100 * state.GetProperty("completed").GetDouble() / state.GetProperty("total").GetDouble())));
        Assert.Equal(("/api/pull", ExchangeOutcome.Completed), (exchange.Target, exchange.Outcome));
    }

    [Fact]
    public async Task It_gets_ollamas_error_for_an_unknown_model()
    {
        var error = (await RunAsync("unknownModel")).GetProperty("error");

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(
            ("ResponseError", "model 'nobody' not found", 404),
            (error.GetProperty("name").GetString(), error.GetProperty("message").GetString(), error.GetProperty("status").GetInt32()));
        Assert.Equal((ExchangeOutcome.UpstreamError, 404, "model 'nobody' not found"), (exchange.Outcome, exchange.StatusCode, exchange.Error));
    }

    private Task<JsonElement> RunAsync(string action, params string[] arguments) => NodeClient.RunAsync("ollama", action, _bed.Proxy.Address, arguments);

    private Task<JsonElement> ResultAsync(string action) => NodeClient.ResultAsync("ollama", action, _bed.Proxy.Address);

    private static (ApiEndpoint Endpoint, ExchangeOutcome Outcome, string? Prompt, string? Text) Summary(Exchange exchange) =>
        (exchange.Endpoint, exchange.Outcome, exchange.Request.Prompt, exchange.Response.Text);
}
