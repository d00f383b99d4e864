using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace OllamaProxy.Host.Workers;

/// <summary>
/// Gives the web server its own time to finish running requests. The host gives one time to everything that stops; were it the grace, recording and Ollama
/// would have none left after a slow request, and were it longer, a request could use up theirs.
/// </summary>
internal sealed class ShutdownGrace(IServer server, TimeSpan grace, GraceEnd end, TimeProvider time) : IServer
{
    /// <summary>For the answers of those who still wait for their turn when the grace is over; what runs is cut after it.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromMilliseconds(250);

    public IFeatureCollection Features => server.Features;

    /// <summary>Wraps the server that is registered; to be called after the last registration.</summary>
    public static void Apply(IServiceCollection services, TimeSpan grace)
    {
        var registered = services.Last(service => service.ServiceType == typeof(IServer));
        services.Remove(registered);
        services.AddSingleton<IServer>(provider => new ShutdownGrace(Create(provider, registered), grace, provider.GetRequiredService<GraceEnd>(), provider.GetRequiredService<TimeProvider>()));
    }

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull => server.StartAsync(application, cancellationToken);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var over = new CancellationTokenSource(grace, time);
        using var cut = new CancellationTokenSource(grace + s_farewell, time);
        await using var telling = over.Token.UnsafeRegister(static told => ((GraceEnd)told!).Tell(), end);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cut.Token, cancellationToken);
        await server.StopAsync(either.Token);
    }

    public void Dispose() => server.Dispose();

    private static IServer Create(IServiceProvider provider, ServiceDescriptor registered) =>
        (IServer)(registered.ImplementationInstance
                  ?? registered.ImplementationFactory?.Invoke(provider)
                  ?? ActivatorUtilities.CreateInstance(provider, registered.ImplementationType!));
}

/// <summary>The moment when the time for running requests is over; whatever has not begun by then is answered in Ollama's place.</summary>
internal sealed class GraceEnd : IDisposable
{
    private readonly CancellationTokenSource _over = new();

    public GraceEnd() => Token = _over.Token;

    public CancellationToken Token { get; }

    public bool IsOver => Token.IsCancellationRequested;

    public void Tell() => _over.Cancel();

    public void Dispose() => _over.Dispose();
}
