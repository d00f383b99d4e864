using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace OllamaProxy.Host.Workers;

/// <summary>
/// Gives the web server its own time to finish running requests. The host gives one time to everything that stops; were it the grace, recording and Ollama
/// would have none left after a slow request, and were it longer, a request could use up theirs.
/// </summary>
internal sealed class ShutdownGrace(IServer server, TimeSpan grace, TimeProvider time) : IServer
{
    public IFeatureCollection Features => server.Features;

    /// <summary>Wraps the server that is registered; to be called after the last registration.</summary>
    public static void Apply(IServiceCollection services, TimeSpan grace)
    {
        var registered = services.Last(service => service.ServiceType == typeof(IServer));
        services.Remove(registered);
        services.AddSingleton<IServer>(provider => new ShutdownGrace(Create(provider, registered), grace, provider.GetRequiredService<TimeProvider>()));
    }

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull => server.StartAsync(application, cancellationToken);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var over = new CancellationTokenSource(grace, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellationToken);
        await server.StopAsync(either.Token);
    }

    public void Dispose() => server.Dispose();

    private static IServer Create(IServiceProvider provider, ServiceDescriptor registered) =>
        (IServer)(registered.ImplementationInstance
                  ?? registered.ImplementationFactory?.Invoke(provider)
                  ?? ActivatorUtilities.CreateInstance(provider, registered.ImplementationType!));
}
