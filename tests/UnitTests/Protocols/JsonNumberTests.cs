using System.Text;
using OllamaProxy.Application.Protocols;
using OllamaProxy.Application.Protocols.Json;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Protocols;

public sealed class JsonNumberTests
{
    [Theory]
    [InlineData("3", 3L)]
    [InlineData("3.0", 3L)]
    [InlineData("3e0", 3L)]
    [InlineData("3E+0", 3L)]
    [InlineData("8.192e3", 8192L)]
    [InlineData("81920e-1", 8192L)]
    [InlineData("-1.0", -1L)]
    [InlineData("9223372036854775807", long.MaxValue)]
    [InlineData("9223372036854775807.0", long.MaxValue)]
    [InlineData("9223372036854775808", null)]
    [InlineData("9.3e18", null)]
    [InlineData("1e999", null)]
    [InlineData("3.5", null)]
    [InlineData("true", null)]
    [InlineData("null", null)]
    public void A_whole_number_is_read_in_every_notation(string json, long? expected) =>
        Assert.Equal(expected, JsonNumber.Int64(Encoding.ASCII.GetBytes(json)));

    [Theory]
    [InlineData("2147483648.0")]
    [InlineData("-2147483649e0")]
    [InlineData("1e10")]
    public void A_count_that_does_not_fit_is_unknown(string json) => Assert.Null(JsonNumber.Int32(Encoding.ASCII.GetBytes(json)));

    [Theory]
    [InlineData("1500000000", 1.5)]
    [InlineData("1.5e9", 1.5)]
    [InlineData("1500000000.7", 1.5)]
    [InlineData("0", null)]
    [InlineData("0.0", null)]
    [InlineData("-1.5e9", null)]
    [InlineData("1e300", null)]
    public void A_duration_may_be_written_as_a_float(string json, double? seconds) =>
        Assert.Equal(seconds, JsonNumber.Nanoseconds(Encoding.ASCII.GetBytes(json))?.TotalSeconds);

    [Theory]
    [InlineData("/api/chat", """{"model":"a","done":true,"prompt_eval_count":5.0,"eval_count":3e0,"total_duration":2e9,"eval_duration":1.5e9}""")]
    [InlineData("/v1/chat/completions", """{"model":"a","choices":[],"usage":{"prompt_tokens":5.0,"completion_tokens":3e0}}""")]
    [InlineData("/v1/responses", """{"model":"a","usage":{"input_tokens":5.0,"output_tokens":3e0}}""")]
    [InlineData("/v1/messages", """{"model":"a","usage":{"input_tokens":5.0,"output_tokens":3e0}}""")]
    public void Every_dialect_accepts_counts_written_as_floats(string path, string body)
    {
        var usage = AnswerFormTests.Read(path, "application/json", [Encoding.UTF8.GetBytes(body)]).Usage;

        Assert.Equal((5, 3), (usage.PromptTokens, usage.CompletionTokens));
    }

    [Fact]
    public void Invalid_counts_and_durations_are_unknown()
    {
        var usage = AnswerFormTests.Read(
            "/api/chat",
            "application/json",
            ["""{"done":true,"prompt_eval_count":-5,"eval_count":"3","total_duration":1e300,"load_duration":"7","eval_duration":-1.5}"""u8.ToArray()]).Usage;

        Assert.Equal(TokenUsage.Unknown, usage);
    }
}
