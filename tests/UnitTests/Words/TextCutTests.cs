using System.Globalization;
using CsCheck;
using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

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

    [Theory]
    [InlineData("abcdef", 6, "abcdef")]
    [InlineData("abcdef", 5, "ab…ef")]
    [InlineData("abcdef", 4, "a…ef")]
    [InlineData("abcdef", 1, "…")]
    [InlineData("🦙🦙🦙🦙", 6, "🦙…🦙")]
    public void A_name_is_cut_in_the_middle(string text, int length, string expected) => Assert.Equal(expected, TextCut.Middle(text, length));

    [Theory]
    [InlineData("/v1/models?q=abc", 10, "/v1/models")]
    [InlineData("/a?q=%E5%A4%A9%E5%A4%A9", 14, "/a?q=%E5%A4%A9")]
    [InlineData("/a?q=%E5%A4%A9%E5%A4%A9", 16, "/a?q=%E5%A4%A9")]
    [InlineData("/a?q=%E5%A4%A9%E5%A4%A9", 21, "/a?q=%E5%A4%A9")]
    [InlineData("/a?q=%E5%A4%A9%E5%A4%A9", 23, "/a?q=%E5%A4%A9%E5%A4%A9")]
    [InlineData("/a?q=%F0%9F%A6%99x", 14, "/a?q=")]
    [InlineData("/a?q=%c3%a9%20x", 14, "/a?q=%c3%a9%20")]
    [InlineData("/a?q=%A4%A9%A4x", 14, "/a?q=%A4%A9%A4")]
    [InlineData("/a?q=100%zz", 10, "/a?q=100")]
    [InlineData("/a?q=🦙", 6, "/a?q=")]
    public void A_target_is_cut_between_characters_even_where_they_are_escaped(string target, int length, string expected) =>
        Assert.Equal(expected, TextCut.BeginningOfTarget(target, length));

    [Theory]
    [InlineData("abc", "abc")]
    [InlineData("天天", "天天")]
    [InlineData("x👩‍👩‍", "x")]
    [InlineData("x🦙", "x")]
    [InlineData("cafe\u0301", "caf")]
    [InlineData("", "")]
    public void A_text_cut_at_its_end_loses_the_character_that_may_be_split(string text, string expected) =>
        Assert.Equal(expected, TextCut.WithoutTornEnd(text));

    [Fact]
    public void An_endless_run_of_combining_characters_is_cut() =>
        Assert.Equal(1_000, TextCut.Beginning("e" + new string('\u0301', 70_000), 1_000)!.Length);

    [Fact]
    public void Every_cut_is_a_prefix_that_ends_with_a_whole_character() =>
        Gen.Select(Gen.OneOf("a", " ", "é", "e\u0301", "🦙", "👩‍👩‍👧‍👦", "日", "\r\n", "\ud83e", "\udd99").Array[0, 40].Select(string.Concat), Gen.Int[0, 60])
            .Sample(
            (text, length) =>
            {
                var cut = TextCut.Beginning(text, length)!;

                Assert.StartsWith(cut, text, StringComparison.Ordinal);
                Assert.True(cut.Length <= length);
                Assert.True(cut.Length == text.Length || StringInfo.ParseCombiningCharacters(text).Contains(cut.Length));
            },
            iter: 3_000, threads: 1);
}
