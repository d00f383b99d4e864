using OllamaProxy.Domain;
using OllamaProxy.Host.Analytics;

namespace OllamaProxy.UnitTests.Analytics;

public sealed class PageCursorTests
{
    [Theory]
    [InlineData(RequestOrder.Time, false, 1_795_550_400_123_457.0, 1)]
    [InlineData(RequestOrder.TokensPerSecond, true, 0.1, long.MaxValue)]
    [InlineData(RequestOrder.Latency, true, 1e-300, 7)]
    [InlineData(RequestOrder.TimeToFirstToken, false, null, 7)]
    public void A_cursor_comes_back_as_it_was(RequestOrder order, bool ascending, double? value, long id)
    {
        var cursor = new PageCursor(order, ascending, new RequestCursor(value, id));

        Assert.Equal(cursor, PageCursor.Decode(cursor.Encode()));
        Assert.Matches("^[A-Za-z0-9_-]+$", cursor.Encode());
    }

    [Theory]
    [InlineData("x")]
    [InlineData("%00")]
    [InlineData("MHxkfHw")] // 0|d||
    [InlineData("OTl8ZHx8MQ")] // 99|d||1
    [InlineData("MHxkfE5hTnwx")] // 0|d|NaN|1
    [InlineData("MHxkfDF8MXwx")] // 0|d|1|1|1
    [InlineData("ω")]
    public void What_is_no_cursor_is_none(string text) => Assert.Null(PageCursor.Decode(text));

    [Fact]
    public void An_endless_text_is_none() => Assert.Null(PageCursor.Decode(new string('A', 1_000_000)));
}
