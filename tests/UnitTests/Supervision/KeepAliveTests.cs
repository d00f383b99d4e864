using OllamaProxy.Application.Supervision;

namespace OllamaProxy.UnitTests.Supervision;

public sealed class KeepAliveTests
{
    [Theory]
    [InlineData("300", 300)]
    [InlineData("0", 0)]
    [InlineData("0.5", 0.5)]
    [InlineData("10m", 600)]
    [InlineData("1h30m", 5_400)]
    [InlineData("1.5h", 5_400)]
    [InlineData("250ms", 0.25)]
    [InlineData("+5s", 5)]
    public void Numbers_are_seconds_and_texts_are_Go_durations(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), KeepAlive.Parse(text));

    [Theory]
    [InlineData("-1")]
    [InlineData("-1m")]
    [InlineData("1e300")]
    [InlineData("9999999h")]
    public void A_negative_or_overflowing_value_means_forever(string text) => Assert.Equal(Timeout.InfiniteTimeSpan, KeepAlive.Parse(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("soon")]
    [InlineData("5 minutes")]
    [InlineData("1..5h")]
    [InlineData("NaN")]
    public void Any_other_value_is_unknown(string? text) => Assert.Null(KeepAlive.Parse(text));
}
