using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace OllamaProxy.BrowserTests;

/// <summary>A typical reverse proxy that serves the program under a prefix and strips it.</summary>
internal sealed class PrefixProxy : IAsyncDisposable
{
    private readonly WebApplication _app;

    /// <param name="prefix">The prefix, for example "/tools/ollama".</param>
    /// <param name="program">The address of the program.</param>
    public PrefixProxy(string prefix, Uri program)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddHttpForwarder();
        _app = builder.Build();
        _app.UsePathBase(prefix);
        _app.UseRouting();
        // Sets X-Forwarded-For and X-Forwarded-Prefix.
        _app.MapForwarder("/{**rest}", program.GetLeftPart(UriPartial.Authority));
        _app.StartAsync().GetAwaiter().GetResult();
    }

    public Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First());

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
    }
}
