using Microsoft.Extensions.Hosting.Systemd;
using OllamaProxy.Application;
using OllamaProxy.Host.Analytics;
using OllamaProxy.Host.Commands;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Dashboard;
using OllamaProxy.Host.Health;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Host.Service;
using OllamaProxy.Host.Telemetry;
using OllamaProxy.Host.Workers;
using OllamaProxy.Infrastructure;
using OllamaProxy.Infrastructure.Logging;

namespace OllamaProxy.Host;

/// <summary>Puts the program together: one method for the services, one for the pipeline. Tests build the same program with other settings.</summary>
internal static class ProxyHost
{
    /// <param name="settings">Validated settings.</param>
    /// <param name="configure">Changes by a test or the demo before the program is built.</param>
    public static WebApplication Build(ProxySettings settings, Action<WebApplicationBuilder>? configure = null)
    {
        var builder = CreateBuilder(settings with { Analytics = settings.Analytics with { MovesDamagedAside = true } });
        builder.AddLogging(settings.Log);
        builder.AddServiceManagers();
        builder.Services.AddOtlp(settings.OpenTelemetry);
        builder.Services.AddSingleton<StartupWorker>();
        builder.Services.AddHostedService(static services => services.GetRequiredService<StartupWorker>());
        // Before the recording worker, so that it outlives the last records.
        builder.Services.AddHostedService<StoreWorker>();
        builder.Services.AddHostedService<OllamaWatchWorker>();
        builder.Services.AddHostedService<RecordingWorker>();
        builder.Services.AddHostedService<RetentionWorker>();
        builder.Services.AddHostedService<MemoryWorker>();
        builder.Services.Configure<HostOptions>(host =>
            host.ShutdownTimeout = settings.Proxy.ShutdownDelay + settings.Proxy.ShutdownGrace + TimeSpan.FromSeconds(20));
        if (settings.Scrape.Port is { } metricsPort)
        {
            // After the proxy's own addresses, which must come first.
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.ListenForMetrics(settings.Proxy.Addresses, metricsPort));
        }

        configure?.Invoke(builder);
        ShutdownGrace.Apply(builder.Services);

        var app = builder.Build();
        app.Services.GetRequiredService<StartupWorker>().OpenStore(app.Lifetime.ApplicationStopping);
        var hasOwnPort = settings.Scrape.Port is not null;
        if (hasOwnPort)
        {
            app.UseMetricsListener(own =>
            {
                own.MapPrometheus();
                own.MapHealth();
            });
        }

        app.UseProxyPipeline(hasMetrics: !hasOwnPort, own =>
        {
            if (!hasOwnPort)
            {
                own.MapPrometheus();
            }

            own.MapHealth();
            own.MapLocal([.. LocalEndpoints.All, .. DashboardEndpoints.All]);
        });
        return app;
    }

    /// <summary>Every service but no worker: enough for queries to a store.</summary>
    public static WebApplicationBuilder CreateBuilder(ProxySettings settings)
    {
        var builder = WebApplication.CreateEmptyBuilder(
            new WebApplicationOptions { ApplicationName = "ollama-proxy", ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRoutingCore();
        builder.Services.AddClosedGenerics();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSettings(settings);
        builder.Services.AddApplication();
        builder.Services.AddInfrastructure();
        builder.Services.AddProxyPipeline();
        builder.Services.AddAnalyticsEndpoints();
        builder.Services.AddPrometheus(settings.Metrics);
        builder.ConfigureKestrel(settings.Proxy);
        return builder;
    }

    private static void AddLogging(this WebApplicationBuilder builder, LogOptions options)
    {
        var logging = builder.Logging;
        if (options.IsConsole)
        {
            builder.Services.AddSingleton<ILoggerProvider>(services =>
                new LineLoggerProvider(ConsoleFormatOf(options), new ConsoleOutput(), services.GetRequiredService<TimeProvider>()));
        }

        if (options.Directory is { } directory)
        {
            builder.Services.AddSingleton<ILoggerProvider>(services => new LineLoggerProvider(
                FileFormatOf(options),
                new RollingFile(Path.GetFullPath(directory), options.MaxSizeMegabytes * 1_000_000L, options.MaxFiles),
                services.GetRequiredService<TimeProvider>()));
        }

        logging.SetMinimumLevel(options.Level);
        logging.AddFilter("Microsoft", level => level >= LogLevel.Warning && level >= options.Level);
        // These log two lines for each request, and a stack trace for each fault of Ollama. We record and log outcomes ourselves.
        logging.AddFilter("Yarp", LogLevel.None);
        // We pass on a cut response as cut, which the server reports as an application that wrote too little. It reports a client that resets its upload as a
        // read that continues.
        logging.AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.None);
        // With a listener, ASP.NET would create an activity with random ids for each request. TraceExchange creates our spans.
        logging.AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None);
    }

    private static LogFormat ConsoleFormatOf(LogOptions options)
    {
        var isJournal = SystemdHelpers.IsSystemdService();
        LogFormat format = options.Json ? new JsonLog() : new TextLog
        {
            Time = isJournal ? LogTime.None : Terminal.IsOutputWatched ? LogTime.OfDay : LogTime.Full,
            HasColor = Terminal.HasColor,
            ShowsTypes = options.ShowsTypes,
            Width = static () => Terminal.Width,
        };
        return isJournal ? new JournalLog(format) : format;
    }

    private static LogFormat FileFormatOf(LogOptions options) => options.Json ? new JsonLog() : new TextLog { ShowsTypes = options.ShowsTypes };

    private static void AddSettings(this IServiceCollection services, ProxySettings settings)
    {
        services.AddSingleton(settings.Proxy);
        services.AddSingleton(settings.Gate);
        services.AddSingleton(settings.Ollama);
        services.AddSingleton(settings.Analytics);
        services.AddSingleton(settings.Recording with { BackendName = settings.Ollama.BackendName });
        services.AddSingleton(settings.Metrics with { Slots = settings.Gate.MaxConcurrent });
        services.AddSingleton(settings.Scrape);
        services.AddSingleton(settings.OpenTelemetry);
        services.AddSingleton(settings.Access);
        services.AddSingleton(settings.Log);
    }
}
