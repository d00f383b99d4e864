using OllamaProxy.SimulatedOllama;
using OllamaProxy.TestKit;

namespace OllamaProxy.FunctionalTests;

/// <summary>The setup for tests of client libraries: a simulated Ollama, the proxy in front of it, and the recorded exchanges.</summary>
internal sealed class ProxyBeforeSimulatedOllama : IAsyncDisposable
{
    /// <summary>The response of the models <c>tiny</c> to every prompt.</summary>
    public const string Sentence = "Hello! I am a tiny llama 🦙 made of random numbers, a café and nothing else.";

    /// <summary>A model so slow that a client that aborts after two words aborts long before the end.</summary>
    public const string SlowModel = "snail:latest";

    private ProxyBeforeSimulatedOllama(SimulatedOllamaServer ollama, ProxyUnderTest proxy, RecordedRequests recorded)
    {
        Ollama = ollama;
        Proxy = proxy;
        Recorded = recorded;
    }

    public SimulatedOllamaServer Ollama { get; }

    public ProxyUnderTest Proxy { get; }

    public RecordedRequests Recorded { get; }

    /// <param name="variables">Environment variables of the proxy.</param>
    public static Task<ProxyBeforeSimulatedOllama> StartAsync(params ReadOnlySpan<(string Name, string Value)> variables)
    {
        var all = new Dictionary<string, string>(StringComparer.Ordinal) { ["ANALYTICS_BACKEND"] = "none" };
        foreach (var (name, value) in variables)
        {
            all[name] = value;
        }

        return StartAsync(all);
    }

    private static async Task<ProxyBeforeSimulatedOllama> StartAsync(Dictionary<string, string> variables)
    {
        var recorded = new RecordedRequests();
        var ollama = await SimulatedOllamaServer.StartAsync(
            new SimulatedOllamaOptions { Models = [.. SimulatedModel.Small, new SimulatedModel(SlowModel) { TokensPerSecond = 4 }] });
        var proxy = await ProxyUnderTest.StartAsync(ollama.Address, variables, recorded.Register);
        return new ProxyBeforeSimulatedOllama(ollama, proxy, recorded);
    }

    public async ValueTask DisposeAsync()
    {
        await Proxy.DisposeAsync();
        await Ollama.DisposeAsync();
    }
}
