using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class TokenSpeedTests
{
    [Fact]
    public void Ollamas_own_measurement_is_exact()
    {
        var speed = TokenSpeed.Of(Stream(pieces: 39, gap: 0.5, new TokenUsage { CompletionTokens = 40, EvalDuration = TimeSpan.FromSeconds(2) }));

        Assert.Equal(new TokenSpeed(20, IsEstimated: false), speed);
    }

    /// <summary>
    /// Recordings 80, 80b, 85 and 85b of a real Ollama: tokens, chunks, milliseconds from the first chunk to the last, and Ollama's own speed.
    /// </summary>
    [Theory]
    [InlineData(40, 39, 714.0, 56.1)]
    [InlineData(40, 40, 675.9, 59.1)]
    [InlineData(60, 60, 1374.0, 43.5)]
    [InlineData(60, 60, 1100.5, 54.5)]
    public void An_estimate_is_within_five_percent_of_ollamas_own_measurement(int tokens, int pieces, double span, double measured)
    {
        var speed = TokenSpeed.Of(Stream(pieces, span / 1000 / (pieces - 1), new TokenUsage { CompletionTokens = tokens }));

        Assert.True(speed!.Value.IsEstimated);
        Assert.InRange(speed.Value.TokensPerSecond, measured * 0.95, measured * 1.05);
    }

    [Fact]
    public void Tokens_counted_from_chunks_give_an_estimate()
    {
        Assert.Equal(new TokenSpeed(10, IsEstimated: true),
            TokenSpeed.Of(Stream(pieces: 5, gap: 0.1, new TokenUsage { CompletionTokens = 5, Estimated = true })));
    }

    [Fact]
    public void Chunks_with_several_tokens_give_the_speed_of_the_tokens()
    {
        Assert.Equal(40, TokenSpeed.Of(Stream(pieces: 5, gap: 0.1, new TokenUsage { CompletionTokens = 20 }))!.Value.TokensPerSecond);
    }

    [Fact]
    public void The_speed_is_unknown_if_the_chunks_do_not_show_it()
    {
        var usage = new TokenUsage { CompletionTokens = 60 };

        Assert.Null(TokenSpeed.Of(new ResponseFacts { Usage = usage }));
        Assert.Null(TokenSpeed.Of(Stream(pieces: 60, gap: 0, usage)));
        Assert.Null(TokenSpeed.Of(Stream(pieces: 60, gap: 0.00001, usage)));
        Assert.Null(TokenSpeed.Of(Stream(pieces: 2, gap: 0.1, usage) with { ToolCallCount = 2 }));
        Assert.Null(TokenSpeed.Of(Stream(pieces: 5, gap: 0.1, TokenUsage.Unknown)));
    }

    private static ResponseFacts Stream(int pieces, double gap, TokenUsage usage) =>
        new() { Streamed = true, ContentPieces = pieces, MeanGap = TimeSpan.FromSeconds(gap), Usage = usage };
}
