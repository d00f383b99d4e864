namespace OllamaProxy.Infrastructure.Logging;

/// <summary>
/// Terminal colors that are readable on white and on black; the background is never set. They are fixed shades of the 256 colors, because the yellow and cyan
/// of many themes are unreadable on white.
/// </summary>
public static class Ansi
{
    public const string Bold = "\e[1m";
    public const string Dim = "\e[2m";
    public const string Red = "\e[38;5;196m";
    public const string Green = "\e[38;5;28m";
    public const string Yellow = "\e[38;5;130m";
    public const string Cyan = "\e[38;5;31m";
    public const string Reset = "\e[0m";

    /// <summary>The columns a text takes: its length without color sequences.</summary>
    public static int VisibleLength(ReadOnlySpan<char> text)
    {
        var (length, isEscape) = (0, false);
        foreach (var character in text)
        {
            isEscape |= character == '\e';
            length += isEscape ? 0 : 1;
            isEscape &= character != 'm';
        }

        return length;
    }
}
