using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class ExchangePhasesTests
{
    [Fact]
    public void Time_that_ollama_does_not_account_for_is_engine_wait()
    {
        // Measured with four parallel requests to one slot: the last took 1.85 s in total; its other fields equaled those of the first.
        var phases = Of(
            new TokenUsage { TotalDuration = Seconds(1.85), LoadDuration = Seconds(0.01), PromptEvalDuration = Seconds(0.04), EvalDuration = Seconds(0.5) });

        Assert.Equal(Seconds(1.3), phases.EngineWait);
        Assert.Equal((Seconds(0.01), Seconds(0.04), Seconds(0.5)), (phases.Load, phases.PromptEval, phases.Decode));
    }

    [Fact]
    public void A_duration_missing_beside_the_total_is_zero()
    {
        Assert.Equal(Seconds(0.5), Of(new TokenUsage { TotalDuration = Seconds(1), EvalDuration = Seconds(0.5) }).EngineWait);
    }

    [Fact]
    public void Clocks_that_disagree_give_no_negative_wait()
    {
        Assert.Equal(TimeSpan.Zero, Of(new TokenUsage { TotalDuration = Seconds(1), LoadDuration = Seconds(0.6), EvalDuration = Seconds(0.5) }).EngineWait);
    }

    [Fact]
    public void A_dialect_without_durations_has_the_decode_time_from_its_chunks_and_no_other_phase()
    {
        var phases = Of(new TokenUsage { CompletionTokens = 5 }, pieces: 5, meanGap: Seconds(0.1));

        Assert.Equal(Seconds(0.4), phases.Decode);
        Assert.Equal((null, null, null), (phases.EngineWait, phases.Load, phases.PromptEval));
    }

    [Fact]
    public void The_proxys_own_phases_are_measured_by_the_proxy()
    {
        var phases = ExchangePhases.Of(Exchange(TokenUsage.Unknown) with { QueueTime = Seconds(3), ConnectTime = TimeSpan.Zero, BackPressure = Seconds(0.2) });

        Assert.Equal((Seconds(3), TimeSpan.Zero, Seconds(0.2)), (phases.Queue, phases.Connect, phases.ClientBackPressure));
    }

    private static ExchangePhases Of(TokenUsage usage, int pieces = 0, TimeSpan? meanGap = null) => ExchangePhases.Of(Exchange(usage, pieces, meanGap));

    private static Exchange Exchange(TokenUsage usage, int pieces = 0, TimeSpan? meanGap = null) => new()
    {
        Id = "1",
        StartedAt = DateTimeOffset.UnixEpoch,
        Duration = Seconds(2),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        Outcome = ExchangeOutcome.Completed,
        Response = new ResponseFacts { Usage = usage, ContentPieces = pieces, MeanGap = meanGap },
    };

    private static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
