using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class PlainTextTests
{
    [Theory]
    [InlineData("phi4:latest", "phi4:latest")]
    [InlineData("Straße 東京 😀", "Straße 東京 😀")]
    [InlineData("a\u001b[2Jb", "a\ufffd[2Jb")]
    [InlineData("one\r\ntwo\u2028three\u0085", "one\ufffd\ufffdtwo\ufffdthree\ufffd")]
    [InlineData("\u202egnp.exe\u2066\u200f", "\ufffdgnp.exe\ufffd\ufffd")]
    public void What_deceives_a_terminal_is_replaced_and_nothing_else(string text, string shown) => Assert.Equal(shown, PlainText.Of(text));

    [Fact]
    public void A_text_without_it_is_the_very_same()
    {
        const string Text = "phi4:latest";

        Assert.Same(Text, PlainText.Of(Text));
    }
}
