using System.Globalization;

namespace OllamaProxy.Application.Recording;

/// <summary>Cuts texts where a reader sees a boundary: never inside a surrogate pair, nor between a letter and its accents or the parts of an emoji.</summary>
public static class TextCut
{
    /// <summary>What stands together longer than this is no character anybody wrote, and is cut all the same.</summary>
    private const int LongestCharacter = 64;

    /// <summary>The first characters of a text, at most so many UTF-16 units; null for null.</summary>
    public static string? Beginning(string? text, int length)
    {
        if (text is null || text.Length <= length)
        {
            return text;
        }

        return text[..BoundaryAt(text, length)];
    }

    /// <summary>The last boundary that is not behind <paramref name="limit"/>, which is inside the text.</summary>
    private static int BoundaryAt(string text, int limit)
    {
        if (limit == 0 || (IsAlone(text[limit - 1]) && IsAlone(text[limit])))
        {
            return limit;
        }

        // Characters are found from a place that is a boundary for certain; one is near in every text that people write.
        var start = limit - 1;
        while (start > 0 && limit - start < LongestCharacter && !(IsAlone(text[start]) && IsAlone(text[start - 1])))
        {
            start--;
        }

        if (start > 0 && char.IsLowSurrogate(text[start]) && char.IsHighSurrogate(text[start - 1]))
        {
            start--;
        }

        var end = start;
        while (end < limit)
        {
            var next = end + StringInfo.GetNextTextElementLength(text, end);
            if (next > limit)
            {
                break;
            }

            end = next;
        }

        return end > start || limit - start < LongestCharacter ? end : WithoutHalfPair(text, limit);
    }

    private static int WithoutHalfPair(string text, int limit) => char.IsHighSurrogate(text[limit - 1]) && char.IsLowSurrogate(text[limit]) ? limit - 1 : limit;

    /// <summary>Between two of these there is a boundary, whatever else stands around them.</summary>
    private static bool IsAlone(char character) => character is >= ' ' and <= '~';
}
