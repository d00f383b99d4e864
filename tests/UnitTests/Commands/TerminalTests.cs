using OllamaProxy.Host.Commands;

namespace OllamaProxy.UnitTests.Commands;

public sealed class TerminalTests
{
    [Theory]
    [InlineData(true, null, null, "xterm", true)]
    [InlineData(true, null, null, "dumb", false)]
    [InlineData(false, null, null, "xterm", false)]
    [InlineData(true, "1", null, "xterm", false)]
    [InlineData(true, "", null, "xterm", true)]
    [InlineData(false, null, "1", null, true)]
    [InlineData(false, null, "3", "dumb", true)]
    [InlineData(true, null, "0", "xterm", false)]
    [InlineData(true, null, "false", "xterm", false)]
    [InlineData(true, null, "", "xterm", true)]
    [InlineData(true, "1", "1", "xterm", false)]
    public void The_environment_can_force_or_disable_colors(bool isTerminal, string? noColor, string? forceColor, string? terminal, bool expected)
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal) { ["NO_COLOR"] = noColor, ["FORCE_COLOR"] = forceColor, ["TERM"] = terminal };

        Assert.Equal(expected, Terminal.AllowsColor(isTerminal, variables.GetValueOrDefault));
    }

    [Theory]
    [InlineData("one two three", 7, new[] { "one two", "three" })]
    [InlineData("unbreakable two", 5, new[] { "unbreakable", "two" })]
    [InlineData("one two three", null, new[] { "one two three" })]
    [InlineData("", 5, new[] { "" })]
    [InlineData("\u001b[31mone\u001b[0m two three", 7, new[] { "\u001b[31mone\u001b[0m two", "three" })]
    public void A_text_is_wrapped_between_words(string text, int? width, string[] expected) => Assert.Equal(expected, Terminal.Wrap(text, width));
}
