using System.Buffers;

namespace OllamaProxy.Domain;

/// <summary>Foreign text, made safe for a log or a terminal.</summary>
public static class PlainText
{
    /// <summary>
    /// What moves a terminal's cursor or changes its colours (C0 and C1), what some reader of logs takes for the end of a line (U+2028, U+2029), and what turns
    /// the direction of the text around it (the bidirectional controls of Unicode's annex 9).
    /// </summary>
    private static readonly SearchValues<char> s_deceiving = SearchValues.Create(
        [.. Enumerable.Range(0, 0x20).Concat(Enumerable.Range(0x7f, 0x21)).Concat([0x061c, 0x200e, 0x200f, 0x2028, 0x2029])
            .Concat(Enumerable.Range(0x202a, 5)).Concat(Enumerable.Range(0x2066, 4)).Select(code => (char)code)]);

    /// <summary>The same text with U+FFFD for each such character; the very same when it has none.</summary>
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.AsSpan().ContainsAny(s_deceiving) ? string.Concat(text.Select(character => s_deceiving.Contains(character) ? '\ufffd' : character)) : text;
    }
}
