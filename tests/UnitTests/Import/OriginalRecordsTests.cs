using OllamaProxy.Application.Import;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;
using OllamaProxy.UnitTests.Redaction;

namespace OllamaProxy.UnitTests.Import;

public sealed class OriginalRecordsTests
{
    private static readonly OriginalInteraction s_row = new()
    {
        Id = 7,
        Timestamp = "2026-11-23 11:41:24.797800831 +0100 CET m=+58.512345678",
        Model = "phi4",
        Endpoint = "generate",
        Prompt = "Why is the sky blue? Ask me@example.org",
        Category = "question",
        Response = "Because",
        Duration = 2.5,
        OutputTokens = 120,
        TokensPerSecond = 60.5,
        InputTokens = 12,
        LoadDuration = 0,
        TotalDuration = 2.4,
        TimeToFirstToken = 0.4,
        StatusCode = 200,
        Status = "success",
        UserAgent = "ollama-python/0.5.1 (x86_64 linux) Python/3.12",
        Client = "10.0.0.9, 10.0.0.9 (via 192.168.1.4:51234)",
    };

    [Theory]
    [InlineData("2026-11-23 11:41:24.797800831 +0000 UTC m=+58.5", "2026-11-23T11:41:24.7978008Z")]
    [InlineData("2026-11-23 11:41:24.797800831 -0500 EST m=+0.000000001", "2026-11-23T16:41:24.7978008Z")]
    [InlineData("2026-11-23 11:41:24 +0530 IST", "2026-11-23T06:11:24Z")]
    [InlineData("2026-11-23 11:41:24.5 +0200 +0200", "2026-11-23T09:41:24.5Z")]
    [InlineData("2026-11-23T11:41:24.5+02:00", "2026-11-23T09:41:24.5Z")]
    [InlineData("2026-11-23 11:41:24.5+02:00", "2026-11-23T09:41:24.5Z")]
    public void The_timestamp_of_a_row_is_parsed(string text, string expected) =>
        Assert.Equal(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), OriginalRecords.ParseTime(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("yesterday")]
    [InlineData("17")]
    [InlineData("2026-13-23 11:41:24 +0000 UTC")]
    public void A_row_without_a_timestamp_gives_no_record(string? text) => Assert.Null(OriginalRecords.Of(s_row with { Timestamp = text }, Texts()));

    [Fact]
    public void Every_column_of_a_row_is_in_its_record()
    {
        var record = OriginalRecords.Of(s_row, Texts())!;

        Assert.Equal(("phi4:latest", ApiEndpoint.Generate, PromptCategory.Question, "Why is the sky blue? Ask me@example.org"),
            (record.Model, record.Endpoint, record.Category, record.Prompt));
        Assert.Equal((TimeSpan.FromSeconds(2.5), TimeSpan.FromSeconds(0.4), TimeSpan.FromSeconds(2.4)),
            (record.Latency, record.TimeToFirstToken, record.TotalDuration));
        Assert.Equal((12, 120, 60.5, 200), (record.InputTokens, record.OutputTokens, record.TokensPerSecond, record.StatusCode));
        Assert.Equal(("success", ExchangeOutcome.Completed, "192.168.1.4", true), (record.Status, record.Outcome, record.ClientIp, record.IsInference));
        Assert.Equal(32, record.RequestId.Length);
    }

    [Fact]
    public void A_zero_for_a_value_the_original_did_not_measure_becomes_unknown()
    {
        var record = OriginalRecords.Of(s_row with { OutputTokens = 0, InputTokens = 0, TokensPerSecond = 0, TotalDuration = 0, StatusCode = 0,
            Model = "unknown", Prompt = "", Response = "", Error = "" }, Texts())!;

        Assert.Equal((null, null, null, null), (record.OutputTokens, record.InputTokens, record.TokensPerSecond, record.TotalDuration));
        Assert.Equal((null, null, null, null, null), (record.LoadDuration, record.StatusCode, record.Model, record.Prompt, record.Error));
    }

    [Fact]
    public void An_unstreamed_response_has_no_time_to_first_token() =>
        Assert.Null(OriginalRecords.Of(s_row with { TimeToFirstToken = s_row.Duration }, Texts())!.TimeToFirstToken);

    [Theory]
    [InlineData("generate", "generate")]
    [InlineData("chat", "chat")]
    [InlineData("/api/chat", "chat")]
    [InlineData("embeddings", "embeddings")]
    [InlineData("v1/chat/completions", "v1/chat/completions")]
    [InlineData("something/else", "other")]
    [InlineData(null, "other")]
    public void Its_endpoints_are_ours(string? theirs, string ours) =>
        Assert.Equal(ours, OriginalRecords.Of(s_row with { Endpoint = theirs }, Texts())!.Endpoint.Label);

    [Fact]
    public void A_failure_is_one() =>
        Assert.Equal(("error", ExchangeOutcome.UpstreamError),
            OriginalRecords.Of(s_row with { Status = "error", StatusCode = 500, Error = "Proxy error" }, Texts()) is { } record
            ? (record.Status, record.Outcome)
            : default);

    [Fact]
    public void Texts_are_redacted_and_shortened_like_those_of_live_requests()
    {
        var options = new RecordingOptions { Redact = ["email"], PreviewLength = 30 };
        var record = OriginalRecords.Of(s_row, new RecordTexts(options, Redactors.With(options)))!;

        Assert.StartsWith("Why is the sky blue? Ask [", record.Prompt, StringComparison.Ordinal);
        Assert.DoesNotContain("example.org", record.Prompt!, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_rows_get_equal_ids_and_different_rows_different_ones()
    {
        static string Id(OriginalInteraction row) => OriginalRecords.Of(row, Texts())!.RequestId;

        Assert.Equal(Id(s_row), Id(s_row with { Prompt = "changed" }));
        Assert.NotEqual(Id(s_row), Id(s_row with { Id = 8 }));
        Assert.NotEqual(Id(s_row), Id(s_row with { Timestamp = "2026-11-23 11:41:24.897800831 +0100 CET" }));
    }

    private static RecordTexts Texts()
    {
        var options = new RecordingOptions();
        return new RecordTexts(options, Redactors.With(options));
    }
}
