using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;

namespace OllamaProxy.Host.Workers;

/// <summary>
/// Gives the web server its own time to finish running requests. The host gives one time to everything that stops; were it the grace, recording and Ollama
/// would have none left after a slow request, and were it longer, a request could use up theirs.
/// </summary>
internal sealed class ShutdownGrace(IServer server, TimeSpan grace, GraceEnd end, StopReport report, TimeProvider time) : IServer
{
    /// <summary>For the answers of those who still wait for their turn when the grace is over; what runs is cut after it.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromMilliseconds(250);

    public IFeatureCollection Features => server.Features;

    /// <summary>Wraps the server that is registered; to be called after the last registration.</summary>
    public static void Apply(IServiceCollection services, TimeSpan grace)
    {
        var registered = services.Last(service => service.ServiceType == typeof(IServer));
        services.Remove(registered);
        services.AddSingleton<StopReport>();
        services.AddSingleton<IServer>(provider => new ShutdownGrace(
            Create(provider, registered), grace, provider.GetRequiredService<GraceEnd>(), provider.GetRequiredService<StopReport>(), provider.GetRequiredService<TimeProvider>()));
    }

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull => server.StartAsync(application, cancellationToken);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        using var over = new CancellationTokenSource(grace, time);
        using var cut = new CancellationTokenSource(grace + s_farewell, time);
        report.TellBegin(grace);
        await using var refusing = over.Token.UnsafeRegister(_ =>
        {
            report.CountRefused();
            end.Tell();
        }, null);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cut.Token, cancellationToken);
        // Registered last and so called first: once the server has the news, requests begin to disappear.
        await using var cutting = cut.Token.UnsafeRegister(static told => ((StopReport)told!).CountCut(), report);
        await server.StopAsync(either.Token);
        report.TellEnd();
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
