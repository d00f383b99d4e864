using System.Buffers;
using System.Text.RegularExpressions;

namespace OllamaProxy.Application.Redaction;

/// <summary>
/// The patterns that can be enabled by name. Each runs in time linear in the text: repetitions are bounded, and no match starts inside text already scanned.
/// </summary>
public static partial class BuiltInPatterns
{
    /// <summary>A safety net that is never needed. The limit for a whole text is shorter, but is only checked between matches.</summary>
    private const int TimeLimit = 1_000;
    private const RegexOptions Options = RegexOptions.CultureInvariant | RegexOptions.IgnorePatternWhitespace;

    /// <summary>Not inside a word; the letter of an escaped line break in JSON (<c>\n</c>) does not count as one.</summary>
    private const string Beginning = """(?:(?<![A-Za-z0-9])|(?<=\\[nrt]))""";

    /// <summary>A credential without a digit must be longer than any word.</summary>
    private const int LongestWord = 24;

    private static readonly SearchValues<char> s_beforeValue = SearchValues.Create(" \t\"'=:");

    public static IReadOnlyList<string> Names { get; } = ["email", "card", "phone", "key"];

    internal static IEnumerable<RedactionPattern> Of(IReadOnlyList<string> names)
    {
        if (names.Contains("email"))
        {
            yield return new RegexPattern("email", Email());
        }

        // Before phone numbers: a card number can look like one, and the first pattern gives the name.
        if (names.Contains("card"))
        {
            yield return new CardPattern();
        }

        if (names.Contains("key"))
        {
            yield return new RegexPattern("key", PrivateKey());
            yield return new RegexPattern("key", KnownKey());
            yield return new RegexPattern("key", Credential(), IsCredential);
        }

        if (names.Contains("phone"))
        {
            yield return new RegexPattern("phone", InternationalPhone());
            yield return new RegexPattern("phone", NationalPhone(), HasDigitsOfAPhone);
        }
    }

    private static bool IsCredential(ReadOnlySpan<char> match)
    {
        var text = match.TrimEnd('=');
        var value = text[(text.LastIndexOfAny(s_beforeValue) + 1)..];
        return match.Contains("://", StringComparison.Ordinal) || match.ContainsAnyInRange('0', '9') || value.Length >= LongestWord;
    }

    private static bool HasDigitsOfAPhone(ReadOnlySpan<char> match)
    {
        var digits = 0;
        foreach (var character in match)
        {
            digits += char.IsDigit(character) ? 1 : 0;
        }

        return digits is >= 9 and <= 15;
    }

    [GeneratedRegex(
        """
        (?<![\p{L}\p{N}_]) [\p{L}\p{N}_] [\p{L}\p{M}\p{N}_.%+'-]{0,255}
        @ (?: [\p{L}\p{N}] [\p{L}\p{M}\p{N}-]{0,62} \. ){1,8} [\p{L}\p{N}] [\p{L}\p{M}\p{N}-]{1,62}
        """,
        Options, TimeLimit)]
    private static partial Regex Email();

    /// <summary>A PEM key; without its END line it reaches to the end of the text.</summary>
    [GeneratedRegex(
        """
        -----BEGIN[ ](?:[A-Z0-9]{1,20}[ ]){0,3}PRIVATE[ ]KEY(?:[ ]BLOCK)?-----
        [\s\S]*? (?: -----END[ ](?:[A-Z0-9]{1,20}[ ]){0,3}PRIVATE[ ]KEY(?:[ ]BLOCK)?----- | \z)
        """,
        Options, TimeLimit)]
    private static partial Regex PrivateKey();

    /// <summary>Keys and tokens with a known prefix.</summary>
    [GeneratedRegex(
        Beginning + """
        (?: sk-[A-Za-z0-9_-]{16,}                                              # OpenAI, Anthropic, OpenRouter, LiteLLM
        |   (?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,} | whsec_[A-Za-z0-9]{16,} # Stripe
        |   gh[pousr]_[A-Za-z0-9]{20,} | github_pat_[A-Za-z0-9_]{20,}          # GitHub
        |   gl(?:pat|dt|rt|ft)-[A-Za-z0-9_-]{16,}                              # GitLab
        |   (?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}                                # AWS
        |   AIza[A-Za-z0-9_-]{30,} | ya29\.[A-Za-z0-9_-]{20,} | GOCSPX-[A-Za-z0-9_-]{20,} # Google
        |   xox[a-z](?:\.[a-z]+)?-[A-Za-z0-9-]{10,} | xapp-[A-Za-z0-9-]{10,}   # Slack
        |   (?:hf|gsk|npm|r8|dop_v1|lin_api)_[A-Za-z0-9]{20,}                  # Hugging Face, Groq, npm, Replicate, and others
        |   (?:xai|pplx|nvapi|tvly)-[A-Za-z0-9_-]{20,}                         # xAI, Perplexity, NVIDIA, Tavily
        |   pypi-[A-Za-z0-9_-]{30,}
        |   SG\.[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16,}                       # SendGrid
        |   AGE-SECRET-KEY-1[A-Z0-9]{40,}
        |   (?<![_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)* # JSON web tokens
        )
        """,
        Options, TimeLimit)]
    private static partial Regex KnownKey();

    /// <summary>Keys that are recognized by the text around them.</summary>
    [GeneratedRegex(
        Beginning + """
        (?: (?i:bearer)[ \t]{1,4}[A-Za-z0-9._~+/=-]{8,}
        |   (?i:authorization)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?(?:[A-Za-z-]{1,20}[ \t]{1,4})?[A-Za-z0-9._~+/=-]{8,}
        |   (?i:(?:x-)?api[-_]?key|account[-_]?key|access[-_]?token|client[-_]?secret)["']?[ \t]{0,4}[:=][ \t]{0,4}["']?[A-Za-z0-9._~+/=-]{12,}
        |   [A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/:@"'<>]{0,256}:[^\s/@"'<>]{1,256}@
        )
        """,
        Options, TimeLimit)]
    private static partial Regex Credential();

    /// <summary>With a country code: +49 (0)151 234-567.</summary>
    [GeneratedRegex(
        """
        (?:(?<![\w+])|(?<=\\[nrt])) (?:\+|00) [ ]? [1-9] (?: [ \u00A0\u202F./()\u2010\u2011\u2013-]{0,3} \d ){6,14} (?!\d)
        """,
        Options, TimeLimit)]
    private static partial Regex InternationalPhone();

    /// <summary>In national formats: (0151) 2345678, 06 12 34 56 78, 02 9876 5432, 015123456789, (555) 123-4567.</summary>
    [GeneratedRegex(
        """
        (?:(?<![\w.,:/+-])|(?<=\\[nrt]))
        (?: \(?0[1-9]\d{1,4}\)? [ /.-]{1,3} \d{3,9} (?:[ .-]\d{2,5}){0,4}
        |   0[1-9](?: ([ .-]?)\d{2} (?:\1\d{2}){3} )
        |   \(?0[1-9]\)? [ ] \d{3,4} [ ] \d{3,4}
        |   0[1-9]\d{8,10}
        |   (?:1[ .-])? (?: \([2-9]\d{2}\)[ ]? | [2-9]\d{2}[ .-] ) \d{3}[ .-]\d{4}
        )
        (?![\w-])
        """,
        Options, TimeLimit)]
    private static partial Regex NationalPhone();
}
