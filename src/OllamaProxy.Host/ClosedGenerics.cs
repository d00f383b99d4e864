using System.Diagnostics.CodeAnalysis;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Recording;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Workers;
using OllamaProxy.Infrastructure.Analytics;
using OpenTelemetry.Exporter;

namespace OllamaProxy.Host;

/// <summary>
/// Registers the loggers and options that every start needs by their closed types. From an open registration such as <c>ILogger&lt;&gt;</c> a compiled program
/// must build each type at run time, which takes a fifth of a millisecond (docs/performance.md). Types missing here still work, only slower.
/// </summary>
internal static class ClosedGenerics
{
    public static void AddClosedGenerics(this IServiceCollection services)
    {
        services.AddLogger<StoreHealth>();
        services.AddLogger<RecordBatch>();
        services.AddLogger<LogRequest>();
        services.AddLogger<LiveFeed>();
        services.AddLogger<ExchangeCompletion>();
        services.AddLogger<ExchangeMiddleware>();
        services.AddLogger<OllamaWatchWorker>();
        services.AddLogger<RecordingWorker>();
        services.AddLogger<RetentionWorker>();
        services.AddLogger<StopReport>();
        services.AddLogger<ReopeningStore>();
        services.AddOptionsOf<ConsoleLifetimeOptions>();
        services.AddOptionsOf<FormOptions>();
        services.AddOptionsOf<HostOptions>();
        services.AddOptionsOf<KestrelServerOptions>();
        services.AddOptionsOf<LoggerFactoryOptions>();
        services.AddOptionsOf<RouteHandlerOptions>();
        services.AddOptionsOf<RouteOptions>();
        services.AddOptionsOf<SocketTransportOptions>();
        services.AddMonitorOf<LoggerFilterOptions>();
        services.AddMonitorOf<Microsoft.Extensions.Diagnostics.Metrics.MetricsOptions>();
        services.AddMonitorOf<PrometheusAspNetCoreOptions>();
    }

    private static void AddLogger<T>(this IServiceCollection services) =>
        services.AddSingleton<ILogger<T>>(static provider => new Logger<T>(provider.GetRequiredService<ILoggerFactory>()));

    private static void AddOptionsOf<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>(
        this IServiceCollection services)
        where T : class =>
        services.AddSingleton<IOptions<T>>(static provider => new OptionsWrapper<T>(FactoryOf<T>(provider).Create(Options.DefaultName)));

    private static void AddMonitorOf<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>(
        this IServiceCollection services)
        where T : class =>
        services.AddSingleton<IOptionsMonitor<T>>(static provider =>
            new OptionsMonitor<T>(FactoryOf<T>(provider), provider.GetServices<IOptionsChangeTokenSource<T>>(), new OptionsCache<T>()));

    private static OptionsFactory<T> FactoryOf<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] T>(
        IServiceProvider provider)
        where T : class =>
        new(provider.GetServices<IConfigureOptions<T>>(), provider.GetServices<IPostConfigureOptions<T>>(), provider.GetServices<IValidateOptions<T>>());
}
