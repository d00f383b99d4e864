using OllamaProxy.Domain;

namespace OllamaProxy.UnitTests.Words;

public sealed class PromptCategoryTests
{
    [Theory]
    [InlineData(null, PromptCategory.Empty)]
    [InlineData("  \n", PromptCategory.Empty)]
    [InlineData("Please SUMMARIZE this and explain it", PromptCategory.Summarize)]
    [InlineData("translate to German", PromptCategory.Translate)]
    [InlineData("Explain what this does", PromptCategory.Explain)]
    [InlineData("write some python code", PromptCategory.CodeWrite)]
    [InlineData("write it down\nthen code", PromptCategory.Other)]
    [InlineData("fix my function", PromptCategory.CodeDebug)]
    [InlineData("why is the sky blue", PromptCategory.Question)]
    [InlineData("generate a poem", PromptCategory.Creative)]
    [InlineData("analyse the text", PromptCategory.Analyze)]
    [InlineData("help me", PromptCategory.Help)]
    [InlineData("list the planets", PromptCategory.List)]
    [InlineData("hello there", PromptCategory.Other)]
    public void The_first_matching_pattern_decides(string? prompt, PromptCategory category)
    {
        Assert.Equal(category, PromptCategories.Of(prompt));
    }

    [Theory]
    [InlineData("show me the way")]
    [InlineData("the prefix of it")]
    [InlineData("listen to me")]
    [InlineData("resummarized")]
    public void A_pattern_in_the_middle_of_a_word_does_not_match(string prompt)
    {
        Assert.Equal(PromptCategory.Other, PromptCategories.Of(prompt));
    }

    [Fact]
    public void Every_category_has_a_label_of_its_own()
    {
        var labels = Enum.GetValues<PromptCategory>().Select(category => category.Label()).ToArray();

        Assert.Equal(labels.Length, labels.Distinct().Count());
    }
}
