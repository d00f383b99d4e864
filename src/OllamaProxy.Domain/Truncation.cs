namespace OllamaProxy.Domain;

/// <summary>How certain it is that Ollama truncated a prompt to fit the context. No response reports it.</summary>
public enum Truncation
{
    /// <summary>The token counts suggest it.</summary>
    Likely,

    /// <summary>The count is exactly the one that truncation leaves, and the text was far too long for the context.</summary>
    Certain,
}

/// <summary>Recognizes truncated prompts, and names the confidence.</summary>
public static class Truncations
{
    public static ClosedSet<Truncation> Set { get; } = new(Name);

    /// <summary>Ollama's own default of <c>num_keep</c>.</summary>
    public const int DefaultKeptTokens = 4;

    /// <summary>The value of the <c>confidence</c> label and the stored field.</summary>
    public static string Name(this Truncation truncation) => truncation switch
    {
        Truncation.Likely => "likely",
        Truncation.Certain => "certain",
        _ => throw new ArgumentOutOfRangeException(nameof(truncation), truncation, "A confidence without a name."),
    };

    /// <summary>
    /// True when <paramref name="promptTokens"/> remain of a prompt that was longer than the context: Ollama drops half of the tokens behind the kept
    /// beginning, <c>num_ctx - max((num_ctx - keep) / 2, 1)</c>, where a model with a begin-of-sequence token keeps one more (runner of Ollama 0.30 and later;
    /// recording 29f: 1,027 of 2,048).
    /// </summary>
    public static bool IsFingerprint(int promptTokens, int contextLength, int? keptTokens)
    {
        var keep = keptTokens ?? DefaultKeptTokens;
        return promptTokens == Left(contextLength, keep) || promptTokens == Left(contextLength, keep + 1);
    }

    private static int Left(int contextLength, int keep) => contextLength - Math.Max((contextLength - keep) / 2, 1);
}
