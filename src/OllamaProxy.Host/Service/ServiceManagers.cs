using System.Runtime.Versioning;
using Microsoft.Extensions.Hosting.Systemd;
using Microsoft.Extensions.Logging.EventLog;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Installation;

namespace OllamaProxy.Host.Service;

/// <summary>systemd and Windows' service manager. Each detects whether it runs the program.</summary>
internal static class ServiceManagers
{
    public static void AddServiceManagers(this WebApplicationBuilder builder)
    {
        builder.Services.AddWindowsService(service => service.ServiceName = WindowsPlan.Service);
        if (OperatingSystem.IsWindows())
        {
            builder.AddEventLogRules();
        }

        builder.Services.AddSystemd();
        if (SystemdHelpers.IsSystemdService() && EnvironmentVariables.WatchdogInterval() is { } interval)
        {
            builder.Services.AddSingleton<IHostedService>(services => new Watchdog(
                services.GetRequiredService<ISystemdNotifier>(), services.GetRequiredService<TimeProvider>(), interval));
        }
    }

    /// <summary>Logs starts, stops and problems; a line for each request would displace them.</summary>
    [SupportedOSPlatform("windows")]
    private static void AddEventLogRules(this WebApplicationBuilder builder)
    {
        builder.Logging.AddFilter<EventLogLoggerProvider>(level => level >= LogLevel.Warning);
        builder.Logging.AddFilter<EventLogLoggerProvider>("OllamaProxy.Infrastructure.Supervision", LogLevel.Information);
        builder.Services.Configure<EventLogSettings>(UseOwnSource);

        static void UseOwnSource(EventLogSettings log) => log.SourceName = WindowsPlan.Service;
    }
}
