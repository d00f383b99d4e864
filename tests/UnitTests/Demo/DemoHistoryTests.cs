using Microsoft.Extensions.Logging.Abstractions;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Redaction;
using OllamaProxy.Domain;
using OllamaProxy.Host.Demo;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.UnitTests.Demo;

public sealed class DemoHistoryTests
{
    private static readonly DateTimeOffset s_end = new(2026, 11, 30, 15, 0, 0, TimeSpan.FromHours(1));
    private static readonly IReadOnlyList<RequestRecord> s_history = Make(s_end);

    [Fact]
    public void The_fields_of_each_record_are_consistent()
    {
        Assert.All(s_history, record =>
        {
            Assert.True(record.TimeToFirstToken is null || record.TimeToFirstToken <= record.Latency, record.RequestId);
            Assert.True(record.QueueTime.GetValueOrDefault() <= record.Latency, record.RequestId);
            Assert.Equal(record.Status == "error" || record.Status == "cancelled", record.ErrorType is not null);
            if (record.TotalDuration is { } total && record.EvalDuration is { } eval)
            {
                var parts = record.LoadDuration + record.EngineWait + record.PromptEvalDuration + eval;
                Assert.Equal(total, parts);
                Assert.InRange((record.Latency - record.QueueTime.GetValueOrDefault() - total).TotalMilliseconds, 0, 5);
                Assert.Equal(record.OutputTokens!.Value / eval.TotalSeconds, record.TokensPerSecond!.Value, 3);
                Assert.True(record.CachedInputTokens <= record.InputTokens);
            }

            if (record is { TimeToFirstToken: { } first, DecodeTime: { } decode, Status: "success" })
            {
                Assert.InRange((record.Latency - first).TotalSeconds, 0, decode.TotalSeconds + 0.01);
            }
        });
    }

    [Fact]
    public void The_history_has_data_for_every_part_of_the_page()
    {
        var inferences = s_history.Where(record => record.IsInference).ToList();

        Assert.InRange(inferences.Count(record => record.Status == "error") / (double)inferences.Count, 0.01, 0.03);
        Assert.True(inferences.Select(record => record.ErrorType).OfType<ErrorType>().Distinct().Count() >= 8);
        Assert.True(inferences.Select(record => record.Application).Distinct().Count() >= 9);
        Assert.True(inferences.Select(record => record.ClientIp).Distinct().Count() >= 9);
        Assert.Equal(
            ["cold", "evicted", "expired", "params_changed"],
            inferences.Select(record => record.LoadCause?.Name()).OfType<string>().Distinct().Order());
        Assert.Contains(inferences, record => record.Truncation == Truncation.Certain);
        Assert.Contains(inferences, record => record.ToolCallCount == 1);
        Assert.Contains(inferences, record => record.ImageCount == 1);
        Assert.Contains(inferences, record => record.Thinking is not null);
        Assert.Contains(inferences, record => record.System is not null);
        Assert.Contains(inferences, record => record.FinishReason == "length");
        Assert.Contains(inferences, record => record.TokensEstimated);
        Assert.Equal(
            Enum.GetValues<PromptCategory>().Where(category => category != PromptCategory.Empty).Select(category => category.Label()).Order(),
            inferences.Select(record => record.Category.Label()).Distinct().Order());
        Assert.Equal("success", s_history[^1].Status);
        Assert.Equal(s_history.Count, s_history.Select(record => record.RequestId).Distinct().Count());
    }

    [Fact]
    public void Nights_and_weekends_are_quieter_in_local_time()
    {
        int At(Func<DateTimeOffset, bool> when) => s_history.Count(record => when(record.Timestamp.ToOffset(s_end.Offset)));

        Assert.True(At(time => time.Hour is >= 9 and < 15) > 10 * At(time => time.Hour < 6));
        Assert.True(At(time => time.DayOfWeek == DayOfWeek.Wednesday) > 2 * At(time => time.DayOfWeek == DayOfWeek.Sunday));
    }

    [Fact]
    public void The_same_end_gives_the_same_history() => Assert.Equal(s_history, Make(s_end));

    [Theory]
    [InlineData("Use a `dict`: 3.7\n\n```python\n    x")]
    [InlineData("日本の四季 🦙 – naïve\t12345")]
    public void The_tokens_joined_are_the_text(string text) => Assert.Equal(text, string.Concat(SimulatedAnswer.TokensOf(text)));

    [Theory]
    [InlineData(100, "1,420 requests · 3 running · http://127.0.0.1:24000/analytics · Ctrl+C stops")]
    [InlineData(75, "1,420 requests · 3 running · http://127.0.0.1:24000/analytics")]
    [InlineData(50, "http://127.0.0.1:24000/analytics")]
    [InlineData(20, "1,420 requests · 3 ")]
    [InlineData(1, "")]
    public void The_status_line_fits_the_terminal(int width, string expected) =>
        Assert.Equal(expected, DemoStatusLine.Text(1_420, 3, new Uri("http://127.0.0.1:24000"), width));

    private static IReadOnlyList<RequestRecord> Make(DateTimeOffset end)
    {
        var options = new RecordingOptions();
        return DemoHistory.Before(new RecordTexts(options, new Redactor(options, TimeProvider.System, NullLogger<Redactor>.Instance)), end);
    }
}
