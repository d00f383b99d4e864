using System.Text;

namespace OllamaProxy.Infrastructure.Analytics.Postgres;

/// <summary>Replaces the characters that PostgreSQL refuses: U+0000 and unpaired surrogates.</summary>
internal static class PostgresText
{
    /// <summary>Separates prompt and response in the folded text; neither contains it there.</summary>
    public const char Separator = '\u0002';

    private const char Symbol = '\u2400';

    /// <summary>The text as it is stored: U+0000 as U+2400 (its visible symbol), half a surrogate pair as U+FFFD.</summary>
    public static string Of(string text)
    {
        if (!IsSuspicious(text))
        {
            return text;
        }

        var kept = text.ToCharArray();
        for (var index = 0; index < kept.Length; index++)
        {
            if (kept[index] == '\0')
            {
                kept[index] = Symbol;
            }
            else if (char.IsHighSurrogate(kept[index]) && index + 1 < kept.Length && char.IsLowSurrogate(kept[index + 1]))
            {
                index++;
            }
            else if (char.IsSurrogate(kept[index]))
            {
                kept[index] = '\uFFFD';
            }
        }

        return new string(kept);
    }

    /// <summary>Prompt and response as the search sees them: case folded as in the other stores, whatever the collation of the database.</summary>
    public static string? Fold(string? prompt, string? response) =>
        prompt is null && response is null ? null : $"{Fold(prompt ?? "")}{Separator}{Fold(response ?? "")}";

    public static string Fold(string text) => Of(text).ToUpperInvariant().Replace(Separator, '\u2402');

    /// <summary>Two searches that use vectors are faster than one for a set of characters that ASCII text shares its high byte with.</summary>
    private static bool IsSuspicious(ReadOnlySpan<char> text) => text.Contains('\0') || text.ContainsAnyInRange('\uD800', '\uDFFF');

    /// <summary>A pattern of LIKE that matches what contains a text, literally.</summary>
    public static string Pattern(string text)
    {
        var pattern = new StringBuilder("%");
        foreach (var character in Fold(text))
        {
            pattern.Append(character is '%' or '_' or '\\' ? "\\" : "").Append(character);
        }

        return pattern.Append('%').ToString();
    }
}
