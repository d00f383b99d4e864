using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Recording;

public sealed class RecordExchangeTests
{
    private static readonly Exchange s_exchange = new()
    {
        Id = "0199a1b2c3d4e5f60718293a4b5c6d7e",
        StartedAt = new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero),
        Duration = TimeSpan.FromSeconds(3),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = "/api/chat",
        StatusCode = 200,
        Outcome = ExchangeOutcome.Completed,
        ClientAddress = "192.168.1.9",
        Request = new RequestFacts { Model = "registry.ollama.ai/library/Phi4", Prompt = "Explain this" },
        Response = new ResponseFacts
        {
            Model = "Phi4",
            Text = "It is so.",
            Terminated = true,
            Usage = new TokenUsage { PromptTokens = 12, CompletionTokens = 40, EvalDuration = TimeSpan.FromSeconds(2) },
        },
    };

    [Fact]
    public void The_record_names_the_model_as_ollama_lists_it()
    {
        Assert.Equal("phi4:latest", RecordOf(s_exchange).Model);
    }

    [Fact]
    public void The_record_says_what_was_asked_answered_and_how_fast()
    {
        var record = RecordOf(s_exchange);

        Assert.Equal(("explain", "success", "completed", "chat"), (record.Category, record.Status, record.Outcome, record.Endpoint));
        Assert.Equal((12, 40, 20.0), (record.InputTokens, record.OutputTokens, record.TokensPerSecond));
        Assert.Equal(("Explain this", "It is so."), (record.Prompt, record.Response));
    }

    [Fact]
    public void A_wait_of_no_time_is_zero_and_what_needed_no_slot_has_none()
    {
        Assert.Equal(TimeSpan.Zero, RecordOf(s_exchange with { QueueTime = TimeSpan.Zero }).QueueTime);
        Assert.Null(RecordOf(s_exchange).QueueTime);
    }

    [Fact]
    public void What_is_unknown_stays_unknown()
    {
        var record = RecordOf(s_exchange with { Response = ResponseFacts.Unknown, StatusCode = null });

        Assert.Null(record.OutputTokens);
        Assert.Null(record.TokensPerSecond);
        Assert.Null(record.TimeToFirstToken);
        Assert.Null(record.StatusCode);
        Assert.Null(record.Response);
    }

    [Fact]
    public void An_estimate_has_no_speed()
    {
        var usage = s_exchange.Response.Usage with { Estimated = true };

        var record = RecordOf(s_exchange with { Response = s_exchange.Response with { Usage = usage } });

        Assert.True(record.TokensEstimated);
        Assert.Null(record.TokensPerSecond);
    }

    [Fact]
    public void A_load_answer_is_no_inference()
    {
        Assert.True(RecordOf(s_exchange).IsInference);
        Assert.False(RecordOf(s_exchange with { Response = s_exchange.Response with { IsInference = false } }).IsInference);
    }

    [Theory]
    [InlineData(ExchangeOutcome.Completed, "success")]
    [InlineData(ExchangeOutcome.ClientCancelled, "cancelled")]
    [InlineData(ExchangeOutcome.UpstreamError, "error")]
    [InlineData(ExchangeOutcome.Incomplete, "error")]
    [InlineData(ExchangeOutcome.UpstreamUnreachable, "error")]
    [InlineData(ExchangeOutcome.Rejected, "error")]
    [InlineData(ExchangeOutcome.ProxyStopped, "error")]
    public void The_status_follows_from_the_outcome_and_not_from_http(ExchangeOutcome outcome, string status)
    {
        Assert.Equal(status, RecordOf(s_exchange with { Outcome = outcome }).Status);
    }

    private static RequestRecord RecordOf(Exchange exchange)
    {
        var options = new RecordingOptions();
        return RecordExchangeHandler.ToRecord(exchange, new RecordTexts(options, new Redactor(options, TimeProvider.System, NullLogger<Redactor>.Instance)));
    }
}
