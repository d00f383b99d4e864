using System.Globalization;
using CsCheck;
using OllamaProxy.Application.Recording;

namespace OllamaProxy.UnitTests.Recording;

public sealed class TextCutTests
{
    [Theory]
    [InlineData("abcdef", 3, "abc")]
    [InlineData("ab", 3, "ab")]
    [InlineData("ab🦙", 3, "ab")]
    [InlineData("ab🦙", 4, "ab🦙")]
    [InlineData("ab🦙🦙", 5, "ab🦙")]
    [InlineData("cafe\u0301!", 4, "caf")]
    [InlineData("cafe\u0301!", 5, "cafe\u0301")]
    [InlineData("a\r\nb", 2, "a")]
    [InlineData("x👩‍👩‍👧‍👦y", 8, "x")]
    [InlineData("🇩🇪🇫🇷", 6, "🇩🇪")]
    [InlineData("日本語です", 3, "日本語")]
    [InlineData("anything", 0, "")]
    [InlineData("", 0, "")]
    [InlineData(null, 3, null)]
    public void A_text_is_cut_between_characters(string? text, int length, string? expected) => Assert.Equal(expected, TextCut.Beginning(text, length));

    [Fact]
    public void Accents_without_end_are_cut_all_the_same() =>
        Assert.Equal(1_000, TextCut.Beginning("e" + new string('\u0301', 70_000), 1_000)!.Length);

    [Fact]
    public void Every_cut_is_a_beginning_that_ends_with_a_character() =>
        Gen.Select(Gen.OneOf("a", " ", "é", "e\u0301", "🦙", "👩‍👩‍👧‍👦", "日", "\r\n", "\ud83e", "\udd99").Array[0, 40].Select(string.Concat), Gen.Int[0, 60]).Sample(
            (text, length) =>
            {
                var cut = TextCut.Beginning(text, length)!;

                Assert.StartsWith(cut, text, StringComparison.Ordinal);
                Assert.True(cut.Length <= length);
                Assert.True(cut.Length == text.Length || StringInfo.ParseCombiningCharacters(text).Contains(cut.Length));
            },
            iter: 3_000, threads: 1);
}
