using System.Globalization;

namespace OllamaProxy.Application.Redaction;

/// <summary>
/// Payment card numbers: 13 to 19 digits, alone or in groups, with an issuer's prefix and a valid Luhn checksum. Not a regex: it cannot compute the checksum,
/// nor find a card number that follows another number.
/// </summary>
internal sealed class CardPattern() : RedactionPattern("card")
{
    private const int MinDigits = 13;
    private const int MaxDigits = 19;

    public override void Find(string text, List<Finding> findings, Deadline deadline)
    {
        for (var start = 0; start < text.Length; start++)
        {
            if (DigitAt(text, start) < 0 || DigitAt(text, start - 1) >= 0)
            {
                continue;
            }

            deadline.Check();
            if (EndOf(text, start) is { } end)
            {
                findings.Add(new Finding(start, end, Name));
                start = end - 1;
            }
        }
    }

    /// <summary>Returns the end of the longest card number that starts here; null without one.</summary>
    private static int? EndOf(string text, int start)
    {
        Span<int> digits = stackalloc int[MaxDigits];
        var count = 0;
        int? found = null;
        for (var position = start; count < MaxDigits && DigitAt(text, position) is var digit and >= 0;)
        {
            digits[count++] = digit;
            position++;
            if (DigitAt(text, position) >= 0)
            {
                continue;
            }

            if (count >= MinDigits && IsCard(digits[..count]))
            {
                found = position;
            }

            if (position < text.Length && IsSeparator(text[position]))
            {
                position++;
            }
        }

        return found;
    }

    private static int DigitAt(string text, int position) =>
        (uint)position >= (uint)text.Length ? -1 :
        text[position] < 128 ? (char.IsAsciiDigit(text[position]) ? text[position] - '0' : -1) :
        CharUnicodeInfo.GetDecimalDigitValue(text[position]);

    private static bool IsSeparator(char character) => character is ' ' or '-' or '.' or '\u00A0' or '\u2010' or '\u2011' or '\u2013' or '\u202F';

    private static bool IsCard(ReadOnlySpan<int> digits) => IsIssued(digits) && IsLuhn(digits);

    private static bool IsIssued(ReadOnlySpan<int> digits)
    {
        var (two, four, length) = ((digits[0] * 10) + digits[1], (((((digits[0] * 10) + digits[1]) * 10) + digits[2]) * 10) + digits[3], digits.Length);
        return
            digits[0] == 4 ? length is 13 or 16 or 19 : // Visa
            two is >= 51 and <= 55 || four is >= 2221 and <= 2720 ? length == 16 : // Mastercard
            two is 34 or 37 ? length == 15 : // American Express
            two is 36 or 38 or 39 || four is >= 3000 and <= 3059 ? length >= 14 : // Diners
            two == 35 ? length >= 16 : // JCB
            two is 50 or (>= 56 and <= 69) or 81; // Maestro, Discover, UnionPay, RuPay
    }

    private static bool IsLuhn(ReadOnlySpan<int> digits)
    {
        var sum = 0;
        for (var index = 0; index < digits.Length; index++)
        {
            var digit = digits[^(index + 1)] * (index % 2 + 1);
            sum += digit > 9 ? digit - 9 : digit;
        }

        return sum % 10 == 0;
    }
}
