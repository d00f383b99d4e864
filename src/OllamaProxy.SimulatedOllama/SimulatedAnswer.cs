using System.Text.RegularExpressions;

namespace OllamaProxy.SimulatedOllama;

/// <summary>A tool call.</summary>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">A JSON object.</param>
public sealed record SimulatedToolCall(string Name, string Arguments)
{
    /// <summary>The tool call of the recordings.</summary>
    public static SimulatedToolCall Weather { get; } = new("get_weather", """{"city":"Berlin"}""");
}

/// <summary>A prepared response.</summary>
/// <param name="Text">The text of the response.</param>
public sealed partial record SimulatedAnswer(string Text)
{
    /// <summary>The thinking before the text, for models that think.</summary>
    public string Thinking { get; init; } = "";

    /// <summary>The tool call that replaces the text when the request offers tools.</summary>
    public SimulatedToolCall? ToolCall { get; init; }

    /// <summary>Splits a text roughly like a tokenizer: short words with their space, long ones in parts, other scripts by character.</summary>
    public static IReadOnlyList<string> TokensOf(string text) => [.. Token().Matches(text).Select(match => match.Value)];

    [GeneratedRegex(@" ?[A-Za-z]{1,6}| ?\d{1,3}|\n+ *|\p{Cs}{2}| ?[^\sA-Za-z\d\p{Cs}]|\s+|.", RegexOptions.Singleline)]
    private static partial Regex Token();
}
