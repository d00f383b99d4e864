using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Demo;

internal static class DemoRun
{
    public static async Task<int> RunAsync(ProxySettings settings, CancellationToken cancellationToken)
    {
        await Console.Error.WriteLineAsync("demo is not built yet.");
        return 2;
    }
}
