using System.Buffers;
using System.Globalization;

namespace OllamaProxy.Application.Supervision;

/// <summary>Parses <c>keep_alive</c> as Ollama does: seconds, or a Go duration (<c>1h30m</c>); below zero means forever.</summary>
internal static class KeepAlive
{
    /// <summary>Longer values mean forever; this keeps dates in range.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(100 * 365);

    private static readonly SearchValues<char> s_digits = SearchValues.Create("0123456789.");

    /// <summary>The duration; <see cref="Timeout.InfiniteTimeSpan"/> for forever; null when absent or invalid for Ollama.</summary>
    public static TimeSpan? Parse(string? text)
    {
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        var isNegative = text[0] == '-';
        if (Seconds(isNegative || text[0] == '+' ? text.AsSpan(1) : text) is not { } seconds || !double.IsFinite(seconds))
        {
            return null;
        }

        return seconds == 0 ? TimeSpan.Zero : isNegative || seconds > s_longest.TotalSeconds ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(seconds);
    }

    private static double? Seconds(ReadOnlySpan<char> text)
    {
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            return number;
        }

        var sum = 0.0;
        do
        {
            var digits = text.IndexOfAnyExcept(s_digits);
            if (digits <= 0 || !double.TryParse(text[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value))
            {
                return null;
            }

            text = text[digits..];
            var letters = text.IndexOfAny(s_digits);
            var unit = letters < 0 ? text : text[..letters];
            if (UnitSeconds(unit) is not { } length)
            {
                return null;
            }

            sum += value * length;
            text = text[unit.Length..];
        }
        while (!text.IsEmpty);

        return sum;
    }

    private static double? UnitSeconds(ReadOnlySpan<char> unit) => unit switch
    {
        "h" => 3_600,
        "m" => 60,
        "s" => 1,
        "ms" => 1e-3,
        "us" or "µs" or "μs" => 1e-6,
        "ns" => 1e-9,
        _ => null,
    };
}
