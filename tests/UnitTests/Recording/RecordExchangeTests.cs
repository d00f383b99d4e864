using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;
using OllamaProxy.Infrastructure.Supervision;

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

    private static readonly Exchange s_cancelled = s_exchange with { Outcome = ExchangeOutcome.ClientCancelled, StatusCode = null,
        Response = ResponseFacts.Unknown };

    [Fact]
    public void The_record_names_the_model_as_ollama_lists_it()
    {
        Assert.Equal("phi4:latest", RecordOf(s_exchange).Model);
    }

    [Fact]
    public void The_record_has_the_texts_tokens_and_speeds()
    {
        var record = RecordOf(s_exchange);

        Assert.Equal((PromptCategory.Explain, "success", ExchangeOutcome.Completed, ApiEndpoint.Chat),
            (record.Category, record.Status, record.Outcome, record.Endpoint));
        Assert.Equal((12, 40, 20.0), (record.InputTokens, record.OutputTokens, record.TokensPerSecond));
        Assert.Equal(("Explain this", "It is so."), (record.Prompt, record.Response));
    }

    [Fact]
    public void A_wait_of_no_time_is_zero_and_a_request_without_a_slot_has_no_wait()
    {
        Assert.Equal(TimeSpan.Zero, RecordOf(s_exchange with { QueueTime = TimeSpan.Zero }).QueueTime);
        Assert.Null(RecordOf(s_exchange).QueueTime);
    }

    [Fact]
    public void Unknown_values_stay_unknown()
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
    public void A_request_that_only_loads_a_model_is_no_inference()
    {
        Assert.True(RecordOf(s_exchange).IsInference);
        Assert.False(RecordOf(s_exchange with { Response = s_exchange.Response with { IsInference = false } }).IsInference);
    }

    [Theory]
    [InlineData("POST", 200, true)]
    [InlineData("post", 200, true)]
    [InlineData("POST", null, true)]
    [InlineData("post", 405, false)]
    [InlineData("OPTIONS", 204, false)]
    [InlineData("GET", 405, false)]
    [InlineData("HEAD", 404, false)]
    [InlineData("PUT", 405, false)]
    public void Only_a_POST_to_an_inference_endpoint_is_an_inference(string method, int? status, bool isInference)
    {
        Assert.Equal(isInference, RecordOf(s_exchange with { Method = method, StatusCode = status }).IsInference);
    }

    [Fact]
    public void Stream_describes_the_response_and_not_the_request()
    {
        var streamed = s_exchange with { Response = s_exchange.Response with { Streamed = true } };
        var refused = s_exchange with { Request = s_exchange.Request with { Stream = true }, StatusCode = 404 };

        Assert.Equal((true, false, null), (RecordOf(streamed).Stream, RecordOf(refused).Stream, RecordOf(streamed with { StatusCode = null }).Stream));
    }

    [Fact]
    public void A_request_cancelled_in_the_queue_spent_all_its_time_queued()
    {
        var left = s_cancelled with { QueueTime = TimeSpan.FromSeconds(3) };

        var record = RecordOf(left);

        Assert.Equal((TimeSpan.FromSeconds(3), null), (record.QueueTime, record.ResponseWait));
    }

    [Fact]
    public void A_request_cancelled_while_the_model_loads_spent_the_rest_waiting_for_ollama()
    {
        var left = s_cancelled with { QueueTime = TimeSpan.FromSeconds(0.5), ConnectTime = TimeSpan.FromSeconds(0.25) };

        Assert.Equal(TimeSpan.FromSeconds(2.25), RecordOf(left).ResponseWait);
    }

    [Fact]
    public void The_wait_for_ollama_of_a_stream_without_durations_ends_with_its_first_token()
    {
        var stream = s_exchange with
        {
            ConnectTime = TimeSpan.Zero, QueueTime = TimeSpan.FromSeconds(1), TimeToHeaders = TimeSpan.FromSeconds(1.5),
            Response = ResponseFacts.Unknown with { Streamed = true, TimeToFirstToken = TimeSpan.FromSeconds(1.75) },
        };

        Assert.Equal(TimeSpan.FromSeconds(0.75), RecordOf(stream).ResponseWait);
        Assert.Equal(TimeSpan.FromSeconds(0.5), RecordOf(stream with { Response = ResponseFacts.Unknown }).ResponseWait);
        Assert.Null(RecordOf(s_exchange with { ConnectTime = TimeSpan.Zero }).ResponseWait);
    }

    [Theory]
    [InlineData(ExchangeOutcome.Completed, "success")]
    [InlineData(ExchangeOutcome.ClientCancelled, "cancelled")]
    [InlineData(ExchangeOutcome.UpstreamError, "error")]
    [InlineData(ExchangeOutcome.Incomplete, "error")]
    [InlineData(ExchangeOutcome.UpstreamUnreachable, "error")]
    [InlineData(ExchangeOutcome.Rejected, "error")]
    [InlineData(ExchangeOutcome.ProxyStopped, "error")]
    public void The_status_follows_from_the_outcome_and_not_from_the_http_status(ExchangeOutcome outcome, string status)
    {
        Assert.Equal(status, RecordOf(s_exchange with { Outcome = outcome }).Status);
    }

    [Fact]
    public void The_record_names_its_proxy_and_the_ollama_behind_it()
    {
        var record = RecordOf(s_exchange,
            new RecordingOptions { ProxyName = "berlin", BackendName = new OllamaOptions { BackendUrl = new Uri("http://gpu:11434") }.BackendName });

        Assert.Equal(("berlin", "gpu:11434"), (record.Proxy, record.Backend));
        Assert.Equal((Environment.MachineName, "local"), (RecordOf(s_exchange).Proxy, RecordOf(s_exchange).Backend));
        Assert.Equal("local", new OllamaOptions().BackendName);
    }

    private static RequestRecord RecordOf(Exchange exchange, RecordingOptions? chosen = null)
    {
        var options = chosen ?? new RecordingOptions();
        return RecordExchangeHandler.ToRecord(exchange, new RecordTexts(options, new Redactor(options, TimeProvider.System, NullLogger<Redactor>.Instance)));
    }
}
