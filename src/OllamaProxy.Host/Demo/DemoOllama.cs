using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>The Ollama of the demo: typical models for one good GPU, of which five fit into its memory.</summary>
internal static class DemoOllama
{
    public static SimulatedOllamaOptions Options { get; } = new()
    {
        Models = DemoModels.All,
        NumParallel = 4,
        MaxLoadedModels = 5,
        TellsCachedTokens = true,
        Answers = DemoConversations.AnswerTo,
    };
}
