using OllamaProxy.Domain;

namespace OllamaProxy.Host.Demo;

/// <summary>An application that uses the proxy, and its habits.</summary>
/// <param name="UserAgent">The User-Agent of the real application.</param>
/// <param name="Endpoint">The API it calls.</param>
/// <param name="Weight">Its share of the requests.</param>
internal sealed record DemoApplication(string UserAgent, ApiEndpoint Endpoint, int Weight)
{
    private const string CodeSystem = "You are a programming assistant inside an editor. Answer with code first, then explain it briefly.";
    private const string AgentSystem = "You are a coding agent. Use the tools to read and change the project; never guess what is in a file.";
    private const string HomeSystem = "You are a voice assistant for Home Assistant. Answer in one sentence, in the language of the question.";

    public static IReadOnlyList<DemoApplication> All { get; } =
    [
        new("open-webui/0.6.5", ApiEndpoint.Chat, 8)
        {
            Topics = [DemoTopic.Chat, DemoTopic.Chat, DemoTopic.Documents], Models = ["gemma3:12b", "qwen3:8b", "llama3.2:3b"],
            Clients = ["192.168.1.20"], Temperature = 0.7,
        },
        new("open-webui/0.6.5", ApiEndpoint.Chat, 1)
        {
            Topics = [DemoTopic.Image], Models = ["gemma3:12b"], Clients = ["192.168.1.20"],
        },
        new("continue/1.0.15", ApiEndpoint.Chat, 6)
        {
            Topics = [DemoTopic.Code], Models = ["qwen3:8b", "llama3.2:3b"], Clients = ["192.168.1.31", "192.168.1.32"], System = CodeSystem,
            Temperature = 0.1, KeepAlive = "30m",
        },
        new("claude-cli/2.0.14 (external, cli)", ApiEndpoint.AnthropicMessages, 4)
        {
            Topics = [DemoTopic.Agent, DemoTopic.Agent, DemoTopic.Code], Models = ["qwen3:8b"], Clients = ["192.168.1.44"],
            System = AgentSystem, MaxTokens = 8_192,
        },
        new("codex_cli_rs/0.50.0 (Ubuntu 24.4.0; x86_64) tmux/3.4", ApiEndpoint.OpenAiResponses, 2)
        {
            Topics = [DemoTopic.Agent, DemoTopic.Code], Models = ["qwen3:8b"], Clients = ["192.168.1.45"], System = AgentSystem,
        },
        new("HomeAssistant/2025.10.2 aiohttp/3.12.15 Python/3.13", ApiEndpoint.Chat, 6)
        {
            Topics = [DemoTopic.Home], Models = ["llama3.2:3b"], Clients = ["192.168.1.5"], System = HomeSystem, KeepAlive = "30m",
        },
        new("langchain-ollama/0.3.6", ApiEndpoint.Generate, 4)
        {
            Topics = [DemoTopic.Documents], Models = ["llama3.2:3b"], Clients = ["10.0.3.7"], Streams = false, Temperature = 0,
            MaxTokens = 128,
        },
        new("n8n/1.98.1", ApiEndpoint.Chat, 3)
        {
            Topics = [DemoTopic.Documents], Models = ["llama3.2:3b"], Clients = ["10.0.3.12"], Streams = false, ContextLength = 2_048,
        },
        new("OpenAI/Python 1.109.1", ApiEndpoint.OpenAiChat, 5)
        {
            Topics = [DemoTopic.Chat, DemoTopic.Code], Models = ["phi4", "gemma3:12b"], Clients = ["192.168.1.52", "192.168.1.53"],
            Temperature = 0.2,
        },
        new("ollama/0.32.15 (amd64 linux) Go/go1.26.11", ApiEndpoint.Generate, 3)
        {
            Topics = [DemoTopic.Chat, DemoTopic.Code], Models = ["deepseek-r1:14b", "phi4"], Clients = ["127.0.0.1"],
        },
        new("ollama-python/0.6.1 (x86_64 linux) Python/3.12.3", ApiEndpoint.Embed, 3)
        {
            Topics = [DemoTopic.Documents], Models = ["nomic-embed-text"], Clients = ["10.0.3.7"], Streams = false,
        },
    ];

    public required IReadOnlyList<DemoTopic> Topics { get; init; }

    public required IReadOnlyList<string> Models { get; init; }

    /// <summary>The addresses of its machines.</summary>
    public required IReadOnlyList<string> Clients { get; init; }

    public bool Streams { get; init; } = true;

    public string? System { get; init; }

    public int? ContextLength { get; init; }

    public double? Temperature { get; init; }

    public int? MaxTokens { get; init; }

    public string? KeepAlive { get; init; }

    /// <summary>Chooses the next conversation. Topics and models that are listed repeatedly are chosen more often.</summary>
    public (DemoConversation Conversation, string Model, string Client) Next(Random random)
    {
        var topic = Pick(random, Topics);
        return (Pick(random, [.. DemoConversations.All.Where(conversation => conversation.Topic == topic)]), Pick(random, Models), Pick(random, Clients));
    }

    private static T Pick<T>(Random random, IReadOnlyList<T> all) => all[random.Next(all.Count)];
}
