using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>The Ollama behind the demo: models as people run them on one good graphics card, of which five fit at once.</summary>
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
