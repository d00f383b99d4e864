using System.Text.RegularExpressions;

namespace OllamaProxy.SimulatedOllama;

/// <summary>A call of a tool.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object.</param>
public sealed record SimulatedToolCall(string Name, string Arguments)
{
    /// <summary>The call of the recordings.</summary>
    public static SimulatedToolCall Weather { get; } = new("get_weather", """{"city":"Berlin"}""");
}

/// <summary>An answer that is known beforehand.</summary>
/// <param name="Text">What the model says.</param>
public sealed partial record SimulatedAnswer(string Text)
{
    /// <summary>What a model that thinks writes first.</summary>
    public string Thinking { get; init; } = "";

    /// <summary>The tool it calls instead of saying anything, when the request offers tools.</summary>
    public SimulatedToolCall? ToolCall { get; init; }

    /// <summary>A text in tokens, about as a tokenizer cuts it: short words with their space, long ones in parts, other scripts by character.</summary>
    public static IReadOnlyList<string> TokensOf(string text) => [.. Token().Matches(text).Select(match => match.Value)];

    [GeneratedRegex(@" ?[A-Za-z]{1,6}| ?\d{1,3}|\n+ *|\p{Cs}{2}| ?[^\sA-Za-z\d\p{Cs}]|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Token();
}
