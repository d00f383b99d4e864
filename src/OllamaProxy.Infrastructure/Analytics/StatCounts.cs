using OllamaProxy.Domain;

namespace OllamaProxy.Infrastructure.Analytics;

/// <summary>The counts of one group in one step of a series. No distributions, because there may be many.</summary>
internal sealed class StatCounts
{
    private long _requests;
    private long _errors;
    private long _inputTokens;
    private long _outputTokens;

    public void Add(in StatFact fact) => Add(1, fact.Status is "success" or "cancelled" ? 0 : 1, fact.InputTokens ?? 0, fact.OutputTokens ?? 0);

    public void Add(long requests, long errors, long inputTokens, long outputTokens)
    {
        _requests += requests;
        _errors += errors;
        _inputTokens += inputTokens;
        _outputTokens += outputTokens;
    }

    public StatPart ToPart(string? key) => new(key, _requests, _errors, _inputTokens, _outputTokens);
}
