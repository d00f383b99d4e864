using System.Text.RegularExpressions;

namespace OllamaProxy.Domain;

/// <summary>
/// The task of a prompt: a closed set. The original program's ten patterns, in its order, matched at word starts so that
/// "show" is no question and "prefix" no debugging. A prompt that matches none is <see cref="Other"/>.
/// </summary>
public enum PromptCategory
{
    Empty,
    Summarize,
    Translate,
    Explain,
    CodeWrite,
    CodeDebug,
    Question,
    Creative,
    Analyze,
    Help,
    List,
    Other,
}

/// <summary>Finds the category of a prompt, and its name.</summary>
public static partial class PromptCategories
{
    public static ClosedSet<PromptCategory> Set { get; } = new(Label);

    /// <summary>Only the beginning of a prompt is inspected, because a prompt may be megabytes long.</summary>
    private const int Inspected = 4_096;

    /// <summary>The value of the <c>prompt_category</c> label and the stored <c>category</c>.</summary>
    public static string Label(this PromptCategory category) => category switch
    {
        PromptCategory.Empty => "empty",
        PromptCategory.Summarize => "summarize",
        PromptCategory.Translate => "translate",
        PromptCategory.Explain => "explain",
        PromptCategory.CodeWrite => "code_write",
        PromptCategory.CodeDebug => "code_debug",
        PromptCategory.Question => "question",
        PromptCategory.Creative => "creative",
        PromptCategory.Analyze => "analyze",
        PromptCategory.Help => "help",
        PromptCategory.List => "list",
        PromptCategory.Other => "other",
        _ => throw new ArgumentOutOfRangeException(nameof(category), category, "A category without a label."),
    };

    /// <summary>The category of a prompt; <see cref="PromptCategory.Empty"/> when there is none.</summary>
    public static PromptCategory Of(string? prompt)
    {
        var text = prompt.AsSpan().Trim();
        if (text.IsEmpty)
        {
            return PromptCategory.Empty;
        }

        text = text[..Math.Min(text.Length, Inspected)];
        return
            Summarize().IsMatch(text) ? PromptCategory.Summarize :
            Translate().IsMatch(text) ? PromptCategory.Translate :
            Explain().IsMatch(text) ? PromptCategory.Explain :
            CodeWrite().IsMatch(text) ? PromptCategory.CodeWrite :
            CodeDebug().IsMatch(text) ? PromptCategory.CodeDebug :
            Question().IsMatch(text) ? PromptCategory.Question :
            Creative().IsMatch(text) ? PromptCategory.Creative :
            Analyze().IsMatch(text) ? PromptCategory.Analyze :
            Help().IsMatch(text) ? PromptCategory.Help :
            List().IsMatch(text) ? PromptCategory.List :
            PromptCategory.Other;
    }

    private const RegexOptions Options = RegexOptions.IgnoreCase | RegexOptions.CultureInvariant;

    [GeneratedRegex(@"\bsummar", Options)]
    private static partial Regex Summarize();

    [GeneratedRegex(@"\btranslat", Options)]
    private static partial Regex Translate();

    [GeneratedRegex(@"\bexplain", Options)]
    private static partial Regex Explain();

    [GeneratedRegex(@"\bwrite\b.*\bcode", Options)]
    private static partial Regex CodeWrite();

    [GeneratedRegex(@"\b(?:debug|fix)", Options)]
    private static partial Regex CodeDebug();

    [GeneratedRegex(@"\b(?:question|what|how|why|when)", Options)]
    private static partial Regex Question();

    [GeneratedRegex(@"\b(?:creat|generat)", Options)]
    private static partial Regex Creative();

    [GeneratedRegex(@"\banaly", Options)]
    private static partial Regex Analyze();

    [GeneratedRegex(@"\bhelp", Options)]
    private static partial Regex Help();

    [GeneratedRegex(@"\b(?:list\b|lists\b|enumerat)", Options)]
    private static partial Regex List();
}
