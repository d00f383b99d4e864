using System.Text;
using CsCheck;
using OllamaProxy.Application.Redaction;

namespace OllamaProxy.UnitTests.Redaction;

/// <summary>For random texts, redaction does not throw, redacting the result again changes nothing, and planted secrets are removed.</summary>
public sealed class RedactorFuzzTests
{
    private static readonly string[] s_pieces =
    [
        "jane@example.com", "4111 1111 1111 1111", "+49 151 23456789", "06 12 34 56 78", "sk-abcdefghij0123456789", "Bearer abc123def456",
        "eyJabcdefgh.eyJabcdefgh.x", "://a:b@c.de",
        "[redacted:email]", "[redacted:", "[redacted: took too long]", "]", "[", "@", ".", "-", "+", " ", "\n", "\\n", "\"", "{", "}", "0", "4", "00", "a",
        "é", "\u0301", "🦙", "\ud83e", "\udd99", "\0",
        "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "authorization: ", "api_key=", "555-123-4567", "a@b", "://",
    ];

    private static readonly Gen<string> s_texts = Gen.OneOf(
        Gen.String,
        Gen.OneOf(s_pieces).Array[0, 30].Select(pieces => string.Concat(pieces)),
        Gen.Char["0123456789 -.+@a"].Array[0, 80].Select(characters => new string(characters)));

    private static readonly Redactor[] s_redactors =
    [
        Redactors.Of([.. BuiltInPatterns.Names]),
        Redactors.With(new() { Redact = BuiltInPatterns.Names, RedactPatterns = ["(?i)jane|[a-z]{3}\\d", "\\d{4}$", "^\\W+", "(?<!x)o"] }),
        Redactors.Own(".o", "[^ ]o?\\]", "t.*k"),
    ];

    [Fact]
    public void No_text_makes_redaction_fail_and_redacting_again_changes_nothing() =>
        s_texts.Sample(
            text =>
            {
                foreach (var redactor in s_redactors)
                {
                    var once = redactor.Redact(text);
                    Assert.Equal(once, redactor.Redact(once));

                    redactor.RedactJson(text);
                }
            },
            iter: 3_000, threads: 1);

    [Fact]
    public void A_planted_secret_is_removed_from_any_surroundings() =>
        Gen.Select(s_texts, Gen.OneOf("jane.doe@example.com", "4111111111111111", "sk-planted9876543210", "+4915123456789"), s_texts).Sample(
            (before, secret, after) =>
            {
                foreach (var redactor in s_redactors[..2])
                {
                    Assert.DoesNotContain(secret, redactor.Redact($"{before} {secret} {after}"), StringComparison.Ordinal);
                }
            },
            iter: 3_000, threads: 1);

    [Theory]
    [InlineData("a")]
    [InlineData("1")]
    [InlineData("a.")]
    [InlineData("a@")]
    [InlineData("a@a.")]
    [InlineData("-sk-")]
    [InlineData("eyJ")]
    [InlineData("-eyJaaaaaaaa.")]
    [InlineData("0 12 ")]
    [InlineData("+1(")]
    [InlineData("4 ")]
    [InlineData("://a:")]
    [InlineData("-----BEGIN PRIVATE KEY-----")]
    [InlineData("Bearer ")]
    [InlineData("authorization:authorization ")]
    [InlineData("\\n")]
    public void Repetitive_texts_take_linear_time(string piece)
    {
        var text = new StringBuilder().Insert(0, piece, 64 * 1024 / piece.Length).ToString();

        // An idle machine needs far less; the limit is long because the test machine may be busy.
        Assert.NotEqual(Redactor.Withheld, Redactors.With(new() { Redact = BuiltInPatterns.Names }).Redact(text));
    }
}
