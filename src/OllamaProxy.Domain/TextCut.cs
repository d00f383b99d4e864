using System.Globalization;

namespace OllamaProxy.Domain;

/// <summary>Cuts texts where a reader sees a boundary: never inside a surrogate pair, nor between a letter and its accents or the parts of an emoji.</summary>
public static class TextCut
{
    /// <summary>UTF-16 units that one character may have. Real text has no longer sequences of accents, so they are cut.</summary>
    public const int LongestCharacter = 64;

    /// <summary>The first characters of a text, at most so many UTF-16 units; null for null.</summary>
    public static string? Beginning(string? text, int length)
    {
        if (text is null || text.Length <= length)
        {
            return text;
        }

        return text[..BoundaryAt(text, length)];
    }

    /// <summary>The beginning and the end of a name with "…" between them, because either may tell it from others; at most so many UTF-16 units.</summary>
    public static string Middle(string text, int length)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length <= length)
        {
            return text;
        }

        var room = Math.Max(0, length - 1);
        var tail = text.Length - (room - (room / 2));
        while (tail < text.Length && BoundaryAt(text, tail) != tail)
        {
            tail++;
        }

        return $"{text.AsSpan(0, BoundaryAt(text, room / 2))}…{text.AsSpan(tail)}";
    }

    /// <summary>A text whose end was lost, without a last character of several parts: more of its parts may have followed.</summary>
    public static string WithoutTornEnd(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var start = text.Length == 0 ? 0 : BoundaryAt(text, text.Length - 1);
        return text.Length > 0 && (start < text.Length - 1 || char.IsSurrogate(text[^1])) ? text[..start] : text;
    }

    /// <summary>The first characters of a request target, whose percent escapes stay whole, as do the characters they spell.</summary>
    public static string BeginningOfTarget(string target, int length)
    {
        ArgumentNullException.ThrowIfNull(target);
        if (target.Length <= length)
        {
            return target;
        }

        var end = BoundaryAt(target, length);
        end = target.AsSpan(0, end).LastIndexOf('%') is >= 0 and var escape && end - escape < EscapeLength ? escape : end;
        // The escapes at the end, back to the one that begins a character: it says how many the character has.
        for (var (start, count) = (end - EscapeLength, 1); start >= 0 && ByteAt(target, start) is { } value; start -= EscapeLength, count++)
        {
            if ((value & 0xC0) != 0x80)
            {
                return target[..(count < LengthOfCharacter(value) ? start : end)];
            }
        }

        return target[..end];
    }

    private const int EscapeLength = 3;

    private static int? ByteAt(string target, int index) =>
        target[index] == '%' && byte.TryParse(target.AsSpan(index + 1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;

    /// <summary>Bytes of the character in UTF-8 that begins with this one.</summary>
    private static int LengthOfCharacter(int lead) => lead switch { < 0xC0 => 1, < 0xE0 => 2, < 0xF0 => 3, _ => 4 };

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
