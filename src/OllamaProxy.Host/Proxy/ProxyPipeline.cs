using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Proxy;

/// <summary>The byte path: everything that is not one of our own paths goes to Ollama.</summary>
internal static class ProxyPipeline
{
    public static void AddProxyPipeline(this IServiceCollection services)
    {
    }

    public static void ConfigureKestrel(this WebApplicationBuilder builder, ProxyOptions options) =>
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            foreach (var address in options.Addresses)
            {
                kestrel.Listen(address, options.Port);
            }
        });

    /// <param name="app">The application.</param>
    /// <param name="own">Maps the paths that are ours; they are never recorded and never forwarded.</param>
    public static void UseProxyPipeline(this WebApplication app, Action<IEndpointRouteBuilder> own) => own(app);
}
