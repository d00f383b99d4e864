using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using OllamaProxy.Host;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.TestKit;

/// <summary>The real program on a real port, in front of any upstream, with its own folder, which is deleted with it.</summary>
internal sealed class ProxyUnderTest : IAsyncDisposable
{
    private readonly DirectoryInfo _folder;

    private ProxyUnderTest(WebApplication app, DirectoryInfo folder)
    {
        App = app;
        _folder = folder;
        Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());
        Client = new HttpClient { BaseAddress = Address, Timeout = Patience.Limit };
    }

    /// <summary>The variables of a proxy without a store.</summary>
    public static IReadOnlyDictionary<string, string> NoStore { get; } = new Dictionary<string, string> { ["ANALYTICS_BACKEND"] = "none" };

    public WebApplication App { get; }

    public Uri Address { get; }

    public int Port => Address.Port;

    public HttpClient Client { get; }

    public IServiceProvider Services => App.Services;

    public string Folder => _folder.FullName;

    /// <param name="upstream">The upstream of the proxy.</param>
    /// <param name="variables">Environment variables of the program; the defaults are a free port and its own folder.</param>
    /// <param name="configure">Changes to the services.</param>
    public static async Task<ProxyUnderTest> StartAsync(Uri upstream, IReadOnlyDictionary<string, string>? variables = null,
        Action<WebApplicationBuilder>? configure = null)
    {
        var folder = Directory.CreateTempSubdirectory("ollama-proxy-test-");
        var all = new Dictionary<string, string>(StringComparer.Ordinal)
        {
            ["PROXY_PORT"] = "0",
            ["PROXY_HOST"] = IPAddress.Loopback.ToString(),
            ["OLLAMA_BACKEND_URL"] = upstream.ToString(),
            ["ANALYTICS_DIR"] = folder.FullName,
            // The upstream of a test expects only the requests of the test.
            ["OLLAMA_POLL_SECONDS"] = "0",
            ["OLLAMA_HEALTH_INTERVAL_SECONDS"] = "3600",
        };
        foreach (var (name, value) in variables ?? new Dictionary<string, string>())
        {
            all[name] = value;
        }

        var (settings, problems) = EnvironmentVariables.Read(name => all.GetValueOrDefault(name));
        if (problems.Count > 0)
        {
            throw new InvalidOperationException(string.Join(Environment.NewLine, problems));
        }

        var app = ProxyHost.Build(settings, configure);
        await app.StartAsync();
        return new ProxyUnderTest(app, folder);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
        _folder.Delete(recursive: true);
    }
}
