namespace OllamaProxy.Host.Demo;

/// <summary>What people ask: every category, several languages.</summary>
internal static class DemoPrompts
{
    public static IReadOnlyList<string> All { get; } =
    [
        "Write a Python function that removes duplicates from a list and keeps the order.",
        "Fix this error: NullReferenceException in the checkout service when the basket is empty.",
        "Explain how a hash table works, with a picture in words.",
        "Summarize this article about tidal energy in five points.",
        "Translate to French: The library opens at nine and closes at six.",
        "What is the capital of Mongolia, and why is it there?",
        "Write a short story about a lighthouse keeper who is afraid of the dark.",
        "Analyze these sales figures and compare the two quarters.",
        "Calculate the monthly rate of a loan of 20000 at 4.5 % over five years.",
        "List ten ideas for a rainy afternoon with children.",
        "Debug: my loop never ends when the input has an odd length.",
        "Refactor this class so that it can be tested without a database.",
        "Wie erkläre ich einem Kind, warum der Himmel blau ist?",
        "Schreibe eine freundliche Absage an einen Bewerber.",
        "Resume en tres frases la historia de la imprenta.",
        "Comment fait-on une bonne vinaigrette ?",
        "日本の四季について短い詩を書いてください。",
        "请解释一下什么是递归。",
        "Объясни разницу между процессом и потоком.",
        "Good morning! Can you help me plan my week?",
        "Describe the taste of a pomegranate to someone who never had one.",
        "SELECT the three best-selling products per region: write the SQL query.",
    ];
}
