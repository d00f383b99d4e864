using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.SimulatedOllama;

namespace OllamaProxy.Host.Demo;

/// <summary>The whole program in front of a simulated Ollama, with people using it: for someone without Ollama or a graphics card.</summary>
internal static class DemoRun
{
    public static async Task<int> RunAsync(ProxySettings settings, CancellationToken cancellationToken)
    {
        await using var ollama = await SimulatedOllamaServer.StartAsync(new SimulatedOllamaOptions { Models = DemoModels.All, NumParallel = 4 }, keepsRequests: false, cancellationToken);
        var folder = settings.Analytics.Directory == new AnalyticsOptions().Directory ? Directory.CreateTempSubdirectory("ollama-proxy-demo-") : null;
        using var stopping = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var traffic = Task.CompletedTask;
        try
        {
            return await ServeCommand.RunAsync(
                settings with
                {
                    Ollama = settings.Ollama with { BackendUrl = ollama.Address },
                    Analytics = folder is null ? settings.Analytics : settings.Analytics with { Directory = folder.FullName },
                },
                app =>
                {
                    var address = AddressOf(app);
                    Console.Out.WriteLine(Text(address, settings, folder));
                    app.Lifetime.ApplicationStopping.Register(stopping.Cancel);
                    traffic = new DemoTraffic(address, ollama.Faults, app.Services.GetRequiredService<TimeProvider>()).RunAsync(stopping.Token);
                },
                cancellationToken);
        }
        finally
        {
            await stopping.CancelAsync();
            await traffic;
            folder?.Delete(recursive: true);
        }
    }

    private static Uri AddressOf(WebApplication app)
    {
        var address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        return address.Host is "0.0.0.0" or "[::]" ? new Uri($"http://127.0.0.1:{address.Port}") : address;
    }

    private static string Text(Uri address, ProxySettings settings, DirectoryInfo? folder) =>
        $"""

           This is a demonstration: a simulated Ollama with made-up words and made-up users. Open:
             {address}analytics
             {address}metrics
           or ask it yourself: curl {address}api/generate -d '{"{"}"model":"llama3.2:3b","prompt":"Why is the sky blue?"{"}"}'
         """ + (folder is null ? "" : $"{Environment.NewLine}  Its records are in a temporary folder and go when it ends (ANALYTICS_DIR keeps them).");
}
