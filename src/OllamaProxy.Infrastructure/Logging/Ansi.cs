namespace OllamaProxy.Infrastructure.Logging;

/// <summary>Colors of a terminal. A theme chooses their shades and the background, which is never set, so text stays readable on light and dark ones.</summary>
public static class Ansi
{
    public const string Bold = "\e[1m";
    public const string Dim = "\e[2m";
    public const string Red = "\e[31m";
    public const string Green = "\e[32m";
    public const string Yellow = "\e[33m";
    public const string Cyan = "\e[36m";
    public const string Reset = "\e[0m";

    /// <summary>Characters of a text that take a column: all but its colors.</summary>
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
