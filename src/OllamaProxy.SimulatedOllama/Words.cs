namespace OllamaProxy.SimulatedOllama;

/// <summary>The words of the models, split like tokens, each with its token count.</summary>
internal static class Words
{
    public static IReadOnlyList<(string Text, int Tokens)> Sentence { get; } =
    [
        ("Hello", 1), ("!", 1), (" I", 1), (" am", 1), (" a", 1), (" tiny", 1), (" llama", 1), (" ", 1), ("🦙", 4), (" made", 1), (" of", 1), (" random", 1),
        (" numbers", 1), (",", 1), (" a caf", 1), ("é", 1), (" and", 1), (" nothing", 1), (" else", 1), (".", 1),
    ];

    public static IReadOnlyList<string> Thought { get; } = ["The", " user", " wants", " words", ";"];

    private static readonly string[] s_openings = ["Sure", "Certainly", "Here", "Well", "In", "The", "Gern", "Bien", "Claro", "A"];

    private static readonly string[] s_words =
    [
        " the", " model", " reads", " each", " word", " and", " weighs", " what", " could", " follow", ",", " so", " an", " answer", " grows", " step", " by",
        " step", ".",
        " You", " can", " start", " with", " a", " small", " example", ",", " then", " measure", " it", " again", ".", " This", " function", " returns",
        " early", " when",
        " nothing", " is", " left", " to", " do", ".", " Light", " travels", " through", " water", " more", " slowly", " than", " air", ".", " One", " idea",
        " after", " another",
    ];

    /// <summary>An endless sequence of words; the caller decides how many to take.</summary>
    public static IEnumerable<string> Endless(int seed)
    {
        var state = (uint)seed * 2_654_435_761u + 12_345u;
        yield return s_openings[Next(ref state) % (uint)s_openings.Length];
        var at = (int)(Next(ref state) % (uint)s_words.Length);
        while (true)
        {
            yield return s_words[at];
            at = Next(ref state) % 9 == 0 ? (int)(Next(ref state) % (uint)s_words.Length) : (at + 1) % s_words.Length;
        }
    }

    /// <summary>A length between 30 and 180 tokens, derived from the seed.</summary>
    public static int LengthFor(int seed)
    {
        var state = (uint)seed * 40_503u + 7u;
        return 30 + (int)(Next(ref state) % 150);
    }

    private static uint Next(ref uint state)
    {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return (state = state == 0 ? 1 : state) >> 3;
    }
}
