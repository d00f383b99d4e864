using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Http.Features;
using OllamaProxy.Host.Configuration;

namespace OllamaProxy.Host.Workers;

/// <summary>
/// Gives the web server its own time to finish running requests. The host has one timeout for everything that stops: with the grace period, a slow request
/// would leave none for recording and Ollama; with more, a request could use up theirs. Before that, the delay keeps the port open while <c>/healthz</c> says
/// that the proxy stops: load balancers learn it in time to send new requests elsewhere.
/// </summary>
internal sealed class ShutdownGrace(IServer server, ProxyOptions options, GraceEnd end, StopReport report, TimeProvider time) : IServer
{
    /// <summary>After the grace period streams end and queued requests are answered. Their last bytes get this long before connections are reset.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(1);

    public IFeatureCollection Features => server.Features;

    /// <summary>Wraps the registered server; call it after the last registration.</summary>
    public static void Apply(IServiceCollection services)
    {
        var registered = services.Last(service => service.ServiceType == typeof(IServer));
        services.Remove(registered);
        services.AddSingleton<StopReport>();
        services.AddSingleton<IServer>(provider => ActivatorUtilities.CreateInstance<ShutdownGrace>(provider, Create(provider, registered)));
    }

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull => server.StartAsync(application, cancellationToken);

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (options.ShutdownDelay > TimeSpan.Zero)
        {
            report.ReportDelay(options.ShutdownDelay);
            await Task.Delay(options.ShutdownDelay, time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        using var over = new CancellationTokenSource(options.ShutdownGrace, time);
        using var cut = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        report.ReportBegin(options.ShutdownGrace);
        await using var refusing = over.Token.UnsafeRegister(_ =>
        {
            report.CountUnfinished();
            end.Signal();
            // Started here: on a busy machine, two timers started together could fire together.
            cut.CancelAfter(s_farewell);
        }, null);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cut.Token, cancellationToken);
        await server.StopAsync(either.Token);
        report.ReportEnd();
    }

    public void Dispose() => server.Dispose();

    private static IServer Create(IServiceProvider provider, ServiceDescriptor registered) =>
        (IServer)(registered.ImplementationInstance
                  ?? registered.ImplementationFactory?.Invoke(provider)
                  ?? ActivatorUtilities.CreateInstance(provider, registered.ImplementationType!));
}

/// <summary>The end of the grace period: running streams are cut, and the proxy answers queued requests.</summary>
internal sealed class GraceEnd : IDisposable
{
    private readonly CancellationTokenSource _over = new();

    public GraceEnd() => Token = _over.Token;

    public CancellationToken Token { get; }

    public bool IsOver => Token.IsCancellationRequested;

    public void Signal() => _over.Cancel();

    public void Dispose() => _over.Dispose();
}
