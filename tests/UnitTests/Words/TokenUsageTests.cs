using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class TokenUsageTests
{
    [Fact]
    public void Speed_is_tokens_over_decoding_time()
    {
        Assert.Equal(20, new TokenUsage { CompletionTokens = 40, EvalDuration = TimeSpan.FromSeconds(2) }.TokensPerSecond);
    }

    [Fact]
    public void Speed_is_unknown_without_both_or_when_estimated()
    {
        Assert.Null(new TokenUsage { CompletionTokens = 40 }.TokensPerSecond);
        Assert.Null(new TokenUsage { EvalDuration = TimeSpan.FromSeconds(2) }.TokensPerSecond);
        Assert.Null(new TokenUsage { CompletionTokens = 40, EvalDuration = TimeSpan.Zero }.TokensPerSecond);
        Assert.Null(new TokenUsage { CompletionTokens = 40, EvalDuration = TimeSpan.FromSeconds(2), Estimated = true }.TokensPerSecond);
    }

    [Fact]
    public void Prompt_speed_counts_only_uncached_tokens_and_is_unknown_without_that_count()
    {
        var usage = new TokenUsage { PromptTokens = 50, PromptEvalDuration = TimeSpan.FromSeconds(1) };

        Assert.Null(usage.PromptTokensPerSecond);
        Assert.Equal(10, (usage with { CachedPromptTokens = 40 }).PromptTokensPerSecond);
        Assert.Null((usage with { CachedPromptTokens = 50 }).PromptTokensPerSecond);
    }
}
