using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Recording;

public sealed class RecordTextsTests
{
    private const string Mail = "jane.doe@example.com";

    private static readonly Exchange s_exchange = new()
    {
        Id = "0199a1b2c3d4e5f60718293a4b5c6d7e",
        StartedAt = new DateTimeOffset(2026, 11, 24, 10, 0, 0, TimeSpan.Zero),
        Duration = TimeSpan.FromSeconds(3),
        Endpoint = ApiEndpoint.Chat,
        Method = "POST",
        Target = $"/api/chat?key={Mail}",
        StatusCode = 500,
        Outcome = ExchangeOutcome.UpstreamError,
        Error = $"error parsing tool call: raw='{Mail}'",
        UserAgent = "ollama-python/0.6.0 (x86_64 linux) Python/3.12",
        Request = new RequestFacts { Model = "phi4", Prompt = $"Explain {Mail}", System = $"You are {Mail}" },
        Response = new ResponseFacts { Text = $"It is {Mail}", Thinking = $"Is it {Mail}", ToolCalls = $"[{{\"name\":\"{Mail}\"}}]",
            Error = $"error parsing tool call: raw='{Mail}'" },
    };

    [Fact]
    public void Without_capture_no_text_is_kept_but_its_category_and_error_type_are()
    {
        var record = RecordOf(s_exchange, new RecordingOptions { Capture = CaptureMode.None });

        Assert.All([record.Prompt, record.System, record.Response, record.Thinking, record.ToolCalls, record.Error], Assert.Null);
        Assert.Equal((PromptCategory.Explain, "phi4:latest", "error", "ollama-python"), (record.Category, record.Model, record.Status, record.Application));
        Assert.NotNull(record.ErrorType);
    }

    [Fact]
    public void The_proxys_own_error_messages_are_kept_without_capture() =>
        Assert.Equal(
            "Connection refused",
            RecordOf(s_exchange with { Error = "Connection refused", Response = ResponseFacts.Unknown },
                new RecordingOptions { Capture = CaptureMode.None }).Error);

    [Fact]
    public void Full_capture_keeps_every_text_the_readers_kept()
    {
        var text = new string('x', 64 * 1024);

        Assert.Equal(text, RecordOf(Asked(text), new RecordingOptions { Capture = CaptureMode.Full, PreviewLength = 10 }).Prompt);
        Assert.Equal(text[..10], RecordOf(Asked(text), new RecordingOptions { PreviewLength = 10 }).Prompt);
    }

    [Fact]
    public void Every_text_of_a_record_is_redacted()
    {
        var record = RecordOf(s_exchange, new RecordingOptions { Redact = ["email"] });

        Assert.All(
            [record.Prompt, record.System, record.Response, record.Thinking, record.ToolCalls, record.Error, record.Target],
            text => Assert.Contains("[redacted:email]", text, StringComparison.Ordinal));
        Assert.DoesNotContain(Mail, record.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_is_redacted_before_it_is_shortened() =>
        Assert.Equal("mail [redacted", RecordOf(Asked($"mail {Mail}"), new RecordingOptions { Redact = ["email"], PreviewLength = 14 }).Prompt);

    [Fact]
    public void A_secret_cut_by_the_readers_limit_is_not_kept()
    {
        var text = (new string('x', 64 * 1024 - 20) + " sk-abcdefghij0123456789")[..(64 * 1024)];

        var prompt = RecordOf(Asked(text), new RecordingOptions { Capture = CaptureMode.Full, Redact = ["key"] }).Prompt!;

        Assert.DoesNotContain("sk-", prompt, StringComparison.Ordinal);
        Assert.True(prompt.Length > 65_000);
    }

    private static Exchange Asked(string prompt) => s_exchange with { Request = new RequestFacts { Prompt = prompt } };

    private static RequestRecord RecordOf(Exchange exchange, RecordingOptions options) =>
        RecordExchangeHandler.ToRecord(
            exchange,
            new RecordTexts(options,
                new Redactor(options with { RedactTimeLimit = TimeSpan.FromSeconds(30) }, TimeProvider.System, NullLogger<Redactor>.Instance)));
}
