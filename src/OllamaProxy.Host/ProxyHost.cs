using Microsoft.Extensions.Logging.Console;
using OllamaProxy.Application;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Dashboard;
using OllamaProxy.Host.Health;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.Host.Workers;
using OllamaProxy.Infrastructure;

namespace OllamaProxy.Host;

/// <summary>Puts the program together: one method for the services, one for the pipeline. Tests build the same program with other settings.</summary>
internal static class ProxyHost
{
    /// <param name="settings">Validated settings.</param>
    /// <param name="configure">What a test or the demo changes before the program is built.</param>
    public static WebApplication Build(ProxySettings settings, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { ApplicationName = "ollama-proxy", ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.Sources.Clear();
        builder.Logging.ClearProviders();
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffzzz ";
        });
        // A terminal nobody reads from must not hold up the program, nor Ollama through its log: lines are dropped instead.
        builder.Services.Configure<ConsoleLoggerOptions>(console => console.QueueFullMode = ConsoleLoggerQueueFullMode.DropWrite);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        // Two lines for each request, and a stack trace for each fault of Ollama's: outcomes are recorded and logged by ourselves.
        builder.Logging.AddFilter("Yarp", LogLevel.None);
        // A cut answer is passed on as cut, which the server reports as an application that wrote too little.
        builder.Logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.None);

        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSettings(settings);
        builder.Services.AddApplication();
        builder.Services.AddInfrastructure();
        builder.Services.AddProxyPipeline();
        builder.Services.AddAnalyticsEndpoints();
        builder.Services.AddPrometheus(settings.Metrics);
        builder.Services.AddHostedService<StartupWorker>();
        builder.Services.AddHostedService<OllamaWatchWorker>();
        builder.Services.AddHostedService<RecordingWorker>();
        builder.Services.AddHostedService<RetentionWorker>();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = settings.Proxy.ShutdownGrace + TimeSpan.FromSeconds(20));
        builder.ConfigureKestrel(settings.Proxy);
        configure?.Invoke(builder);
        ShutdownGrace.Apply(builder.Services, settings.Proxy.ShutdownGrace);

        var app = builder.Build();
        app.UseProxyPipeline(own =>
        {
            own.MapPrometheus();
            own.MapHealth();
            own.MapOwn([.. OwnEndpoints.All, .. DashboardEndpoints.All]);
        });
        return app;
    }

    private static void AddSettings(this IServiceCollection services, ProxySettings settings)
    {
        services.AddSingleton(settings.Proxy);
        services.AddSingleton(settings.Gate);
        services.AddSingleton(settings.Ollama);
        services.AddSingleton(settings.Analytics);
        services.AddSingleton(settings.Recording);
        services.AddSingleton(settings.Metrics);
        services.AddSingleton(settings.Access);
    }
}
