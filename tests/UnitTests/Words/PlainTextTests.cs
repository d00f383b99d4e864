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
    public void Only_characters_that_deceive_a_terminal_are_replaced(string text, string shown) => Assert.Equal(shown, PlainText.Of(text));

    [Fact]
    public void A_text_without_such_characters_is_returned_as_is()
    {
        const string Text = "phi4:latest";

        Assert.Same(Text, PlainText.Of(Text));
    }
}
