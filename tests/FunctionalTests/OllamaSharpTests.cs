using System.Net;
using OllamaProxy.Domain;
using OllamaProxy.TestKit;
using OllamaSharp;
using OllamaSharp.Models;
using OllamaSharp.Models.Chat;

namespace OllamaProxy.FunctionalTests;

/// <summary>Unmodified OllamaSharp with the proxy's address in place of Ollama's: it works, and its requests are recorded.</summary>
public sealed class OllamaSharpTests : IAsyncLifetime
{
    private const string Sentence = ProxyBeforeSimulatedOllama.Sentence;

    private ProxyBeforeSimulatedOllama _bed = null!;
    private OllamaApiClient _client = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _bed = await ProxyBeforeSimulatedOllama.StartAsync();
        _client = new OllamaApiClient(_bed.Proxy.Address, "tiny");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await _bed.DisposeAsync();
    }

    [Fact]
    public async Task It_generates_with_streaming()
    {
        var pieces = await _client.GenerateAsync(new GenerateRequest { Prompt = "Explain foxes", Think = false }, Cancellation).ToListAsync(Cancellation);

        var last = Assert.IsType<GenerateDoneResponseStream>(pieces[^1]);
        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, string.Concat(pieces.Select(piece => piece!.Response)));
        Assert.Equal((ApiEndpoint.Generate, ExchangeOutcome.Completed, "Explain foxes", Sentence), Summary(exchange));
        Assert.Equal((last.EvalCount, last.PromptEvalCount), (exchange.Response.Usage.CompletionTokens, exchange.Response.Usage.PromptTokens));
        Assert.Equal(pieces.Count - 1, exchange.Response.ContentPieces);
    }

    [Fact]
    public async Task It_generates_without_streaming()
    {
        var pieces = await _client.GenerateAsync(new GenerateRequest { Prompt = "Explain foxes", Stream = false }, Cancellation).ToListAsync(Cancellation);

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(Sentence, Assert.Single(pieces)!.Response);
        Assert.Equal((ApiEndpoint.Generate, ExchangeOutcome.Completed, "Explain foxes", Sentence), Summary(exchange));
        Assert.False(exchange.Response.Streamed);
    }

    [Fact]
    public async Task It_chats_over_several_turns()
    {
        var chat = new Chat(_client);

        var first = string.Concat(await chat.SendAsync("Hello", Cancellation).ToListAsync(Cancellation));
        var second = string.Concat(await chat.SendAsync("And again", Cancellation).ToListAsync(Cancellation));

        await Eventually.TrueAsync(() => _bed.Recorded.All.Count == 2);
        Assert.Equal((Sentence, Sentence), (first, second));
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "And again", Sentence), Summary(_bed.Recorded.All[1]));
        Assert.Equal((1, 3), (_bed.Recorded.All[0].Request.MessageCount, _bed.Recorded.All[1].Request.MessageCount));
    }

    [Fact]
    public async Task It_chats_without_streaming()
    {
        var request = new ChatRequest { Model = "tiny", Stream = false, Messages = [new Message(ChatRole.User, "Hello")] };

        var pieces = await _client.ChatAsync(request, Cancellation).ToListAsync(Cancellation);

        Assert.Equal(Sentence, Assert.Single(pieces)!.Message.Content);
        Assert.Equal((ApiEndpoint.Chat, ExchangeOutcome.Completed, "Hello", Sentence), Summary(await _bed.Recorded.SingleAsync()));
    }

    [Theory]
    [InlineData("generate")]
    [InlineData("chat")]
    public async Task An_abort_in_the_middle_of_a_stream_stops_ollama(string way)
    {
        using var leaving = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        _client.SelectedModel = ProxyBeforeSimulatedOllama.SlowModel;
        var answer = way == "chat" ? new Chat(_client).SendAsync("Go on", leaving.Token) : TextsAsync(_client.GenerateAsync("Go on", null, leaving.Token));

        // OllamaSharp ends the enumeration without an exception.
        var count = 0;
        await foreach (var _ in answer)
        {
            if (++count == 2)
            {
                await leaving.CancelAsync();
            }
        }

        var exchange = await _bed.Recorded.SingleAsync();
        await Eventually.TrueAsync(() => _bed.Ollama.Received[^1].ClientLeft);
        Assert.Equal((ExchangeOutcome.ClientCancelled, 200), (exchange.Outcome, exchange.StatusCode));
        Assert.InRange(exchange.Response.ContentPieces, 2, 20);
    }

    [Fact]
    public async Task It_embeds()
    {
        var embedded = await _client.EmbedAsync(new EmbedRequest { Model = "tiny-embed", Input = ["one", "two"] }, Cancellation);

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal((2, 512), (embedded.Embeddings.Count, embedded.Embeddings[0].Length));
        Assert.Equal((ApiEndpoint.Embed, ExchangeOutcome.Completed, "tiny-embed"), (exchange.Endpoint, exchange.Outcome, exchange.Request.Model));
        Assert.Equal(embedded.PromptEvalCount, exchange.Response.Usage.PromptTokens);
    }

    [Fact]
    public async Task It_lists_and_shows_models_and_lists_the_loaded_ones()
    {
        var models = await _client.ListLocalModelsAsync(Cancellation);
        var shown = await _client.ShowModelAsync("tiny", Cancellation);
        var running = await _client.ListRunningModelsAsync(Cancellation);
        var version = await _client.GetVersionAsync(Cancellation);

        await Eventually.TrueAsync(() => _bed.Recorded.All.Count == 4);
        Assert.Contains("tiny:latest", models.Select(model => model.Name));
        Assert.Contains("tools", shown.Capabilities!);
        Assert.Empty(running);
        Assert.Equal("0.32.15", version);
        Assert.Equal(["/api/tags", "/api/show", "/api/ps", "/api/version"], _bed.Recorded.All.Select(exchange => exchange.Target));
        Assert.All(_bed.Recorded.All, exchange => Assert.Equal((200, ExchangeOutcome.Completed), (exchange.StatusCode, exchange.Outcome)));
    }

    [Fact]
    public async Task It_pulls_with_progress()
    {
        var states = await _client.PullModelAsync("phi4", Cancellation).ToListAsync(Cancellation);

        var exchange = await _bed.Recorded.SingleAsync();
        Assert.Equal(("pulling manifest", "success"), (states[0]!.Status, states[^1]!.Status));
        Assert.Equal([0, 20, 40, 60, 80, 100], states.Where(state => state!.Total > 0).Select(state => Math.Round(state!.Percent)));
        Assert.Equal(("/api/pull", ExchangeOutcome.Completed), (exchange.Target, exchange.Outcome));
    }

    [Fact]
    public async Task It_gets_the_same_error_for_an_unknown_model_as_from_ollama_itself()
    {
        using var direct = new OllamaApiClient(_bed.Ollama.Address, "nobody");
        _client.SelectedModel = "nobody";

        var told = await RefusalAsync(_client);

        var exchange = await _bed.Recorded.SingleAsync();
        var expected = await RefusalAsync(direct);
        Assert.Equal((HttpStatusCode.NotFound, expected.Message), (told.StatusCode, told.Message));
        Assert.Equal((ExchangeOutcome.UpstreamError, 404, "model 'nobody' not found"), (exchange.Outcome, exchange.StatusCode, exchange.Error));
    }

    private static Task<HttpRequestException> RefusalAsync(OllamaApiClient client) =>
        Assert.ThrowsAsync<HttpRequestException>(() => client.GenerateAsync("Hello", null, Cancellation).ToListAsync(Cancellation).AsTask());

    private static (ApiEndpoint Endpoint, ExchangeOutcome Outcome, string? Prompt, string? Text) Summary(Exchange exchange) =>
        (exchange.Endpoint, exchange.Outcome, exchange.Request.Prompt, exchange.Response.Text);

    private static async IAsyncEnumerable<string> TextsAsync(IAsyncEnumerable<GenerateResponseStream?> pieces)
    {
        await foreach (var piece in pieces)
        {
            yield return piece!.Response;
        }
    }
}
