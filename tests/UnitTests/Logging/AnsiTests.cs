using System.Globalization;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.UnitTests.Logging;

public class AnsiTests
{
    [Theory]
    [InlineData(Ansi.Red)]
    [InlineData(Ansi.Green)]
    [InlineData(Ansi.Yellow)]
    [InlineData(Ansi.Cyan)]
    public void A_color_is_readable_on_white_and_on_black(string color)
    {
        var luminance = LuminanceOf(int.Parse(color["\e[38;5;".Length..^1], CultureInfo.InvariantCulture));

        // The contrast ratio of WCAG.
        Assert.InRange(1.05 / (luminance + 0.05), 3.9, 21);
        Assert.InRange((luminance + 0.05) / 0.05, 3.9, 21);
    }

    [Fact]
    public void A_color_adds_no_width() => Assert.Equal(2, Ansi.VisibleLength($"{Ansi.Yellow}ok{Ansi.Reset}"));

    /// <summary>The relative luminance of a color of the 6 x 6 x 6 cube, which begins at 16.</summary>
    private static double LuminanceOf(int color)
    {
        Assert.InRange(color, 16, 231);
        var (red, green, blue) = ((color - 16) / 36, (color - 16) / 6 % 6, (color - 16) % 6);
        return 0.2126 * Linear(red) + 0.7152 * Linear(green) + 0.0722 * Linear(blue);

        static double Linear(int level)
        {
            var value = (level == 0 ? 0 : 55 + 40 * level) / 255.0;
            return value <= 0.04045 ? value / 12.92 : Math.Pow((value + 0.055) / 1.055, 2.4);
        }
    }
}
