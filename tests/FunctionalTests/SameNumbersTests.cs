using System.Text;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Domain;
using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>One generation gives the same numbers whichever door it came through.</summary>
public sealed class SameNumbersTests
{
    private const int Tokens = 12;
    private const double Speed = 50;

    private static readonly SimulatedModel s_model = new("same:latest") { TokensPerSecond = Speed };

    public static TheoryData<string, string> Doors => new()
    {
        { "/api/generate", """{"model":"same","prompt":"Tell me a story.","system":"Be brief.","stream":STREAM,"options":{"num_predict":12}}""" },
        { "/api/chat", """{"model":"same","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Tell me a story."}],"stream":STREAM,"options":{"num_predict":12}}""" },
        { "/v1/chat/completions", """{"model":"same","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"Tell me a story."}]}],"stream":STREAM,"stream_options":{"include_usage":true},"max_tokens":12}""" },
        { "/v1/completions", """{"model":"same","prompt":"Tell me a story.Be brief.","stream":STREAM,"stream_options":{"include_usage":true},"max_tokens":12}""" },
        { "/v1/responses", """{"model":"same","instructions":"Be brief.","input":"Tell me a story.","stream":STREAM,"max_output_tokens":12}""" },
        { "/v1/messages", """{"model":"same","system":[{"type":"text","text":"Be brief."}],"messages":[{"role":"user","content":"Tell me a story."}],"stream":STREAM,"max_tokens":12}""" },
    };

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_stream_has_the_same_numbers_through_every_door(string path, string body)
    {
        var exchange = await RunAsync(path, body, isStream: true);

        AssertNumbers(exchange);
        // 20 tokens of template and 25 characters are 26 tokens, read at twenty times the speed; then one token is written.
        Assert.InRange(exchange.Response.TimeToFirstToken!.Value.TotalMilliseconds, 46 - 5, 46 + 5);
        Assert.InRange(exchange.Response.MeanGap!.Value.TotalMilliseconds, 20 - 0.5, 20 + 0.5);
    }

    [Theory]
    [MemberData(nameof(Doors))]
    public async Task A_plain_answer_has_the_same_numbers_through_every_door(string path, string body)
    {
        var exchange = await RunAsync(path, body, isStream: false);

        AssertNumbers(exchange);
        Assert.Null(exchange.Response.TimeToFirstToken);
    }

    [Theory]
    [InlineData("/v1/chat/completions", """{"model":"same","messages":[{"role":"user","content":"Tell me a story.Be brief."}],"stream":true,"max_tokens":12}""")]
    [InlineData("/v1/completions", """{"model":"same","prompt":"Tell me a story.Be brief.","stream":true,"max_tokens":12}""")]
    public async Task A_stream_whose_client_wants_no_counts_has_them_from_its_pieces_or_by_the_switch(string path, string body)
    {
        var counted = await RunAsync(path, body, isStream: true);
        var injected = await RunAsync(path, body, isStream: true, new Dictionary<string, string> { ["PROXY_INJECT_USAGE"] = "true" });

        Assert.Equal((Tokens, true, (int?)null), (counted.Response.Usage.CompletionTokens, counted.Response.Usage.Estimated, counted.Response.Usage.PromptTokens));
        AssertNumbers(injected);
    }

    private static void AssertNumbers(Exchange exchange)
    {
        var usage = exchange.Response.Usage;
        Assert.Equal(
            (ExchangeOutcome.Completed, "same:latest", 26, Tokens, false, true),
            (exchange.Outcome, ModelName.Normalize(exchange.Request.Model), usage.PromptTokens, usage.CompletionTokens, usage.Estimated, exchange.Response.IsInference));
    }

    private static async Task<Exchange> RunAsync(string path, string body, bool isStream, Dictionary<string, string>? variables = null)
    {
        var clock = new SteppingClock();
        var recorded = new RecordedRequests();
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = [s_model], Time = clock });
        await using var proxy = await ProxyUnderTest.StartAsync(ollama.Address, variables, builder =>
        {
            builder.Services.AddSingleton(clock.Unstepped);
            recorded.Register(builder);
        });

        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new StringContent(body.Replace("STREAM", isStream ? "true" : "false", StringComparison.Ordinal), Encoding.UTF8, "application/json"),
        };
        var answering = proxy.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        // Reading the prompt, then one wait for each token. What a token says must be with the client before the clock moves on.
        await clock.StepAsync(TestContext.Current.CancellationToken);
        Stream? pieces = null;
        var buffer = new byte[16 * 1024];
        for (var token = 0; token < Tokens; token++)
        {
            await clock.StepAsync(TestContext.Current.CancellationToken);
            if (isStream)
            {
                pieces ??= await (await answering).Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
                await ReadTokenAsync(pieces, buffer, path);
            }
        }

        pieces ??= await (await answering).Content.ReadAsStreamAsync(TestContext.Current.CancellationToken);
        await pieces.CopyToAsync(Stream.Null, TestContext.Current.CancellationToken);
        return await recorded.SingleAsync();
    }

    /// <summary>Some dialects announce a stream in events of its own before the first token: those are no token.</summary>
    private static async Task ReadTokenAsync(Stream pieces, byte[] buffer, string path)
    {
        var mark = path switch
        {
            "/api/generate" => "\"response\":\"",
            "/v1/completions" => "\"text\":\"",
            "/v1/responses" => "response.output_text.delta",
            "/v1/messages" => "text_delta",
            _ => "\"content\":\"",
        };
        int length;
        do
        {
            length = await pieces.ReadAsync(buffer, TestContext.Current.CancellationToken);
            Assert.NotEqual(0, length);
        }
        while (!Encoding.UTF8.GetString(buffer, 0, length).Contains(mark, StringComparison.Ordinal));
    }
}
