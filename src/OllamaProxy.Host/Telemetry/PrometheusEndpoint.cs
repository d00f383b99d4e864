using System.Diagnostics.Metrics;
using OllamaProxy.Application.Analytics;
using OllamaProxy.Application.Supervision;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Host.Access;
using OllamaProxy.Host.Configuration;
using OllamaProxy.Host.Proxy;
using OllamaProxy.Infrastructure.Analytics;
using OpenTelemetry.Metrics;

namespace OllamaProxy.Host.Telemetry;

/// <summary>
/// An OpenTelemetry meter provider over the program's instruments, read by <c>GET /metrics</c> in Prometheus' text format, or as OpenMetrics on request.
/// </summary>
internal static class PrometheusEndpoint
{
    /// <summary>
    /// The instruments of .NET itself (memory, garbage collections, threads, CPU time), part of the runtime since .NET 9. The packages
    /// OpenTelemetry.Instrumentation.Runtime and .Process would only repeat them.
    /// </summary>
    public const string RuntimeMeter = "System.Runtime";

    /// <summary>
    /// The useful ones. A compiled program has no JIT compiler, its processors and assemblies do not change, and two thread pool sizes are wrongly declared as
    /// counters.
    /// </summary>
    private static readonly HashSet<string> s_runtime = new(StringComparer.Ordinal)
    {
        "dotnet.exceptions",
        "dotnet.gc.collections",
        "dotnet.gc.heap.total_allocated",
        "dotnet.gc.last_collection.heap.fragmentation.size",
        "dotnet.gc.last_collection.heap.size",
        "dotnet.gc.last_collection.memory.committed_size",
        "dotnet.gc.pause.time",
        "dotnet.monitor.lock_contentions",
        "dotnet.process.cpu.time",
        "dotnet.process.memory.working_set",
        "dotnet.thread_pool.work_item.count",
    };

    public static void AddPrometheus(this IServiceCollection services, MetricsOptions options)
    {
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(ProxyMetrics.MeterName, RuntimeMeter)
            .AddPrometheusExporter(exporter =>
            {
                exporter.ScrapeResponseCacheDurationMilliseconds = 0;
                exporter.ScopeInfoEnabled = false;
                exporter.TargetInfoEnabled = false;
            }));
        // Meters are found by name in the whole process. Several instances can share one process, as in tests, so each reads only its own.
        services.ConfigureOpenTelemetryMeterProvider((provider, metrics) =>
        {
            var own = provider.GetRequiredService<IMeterFactory>();
            metrics.AddView(instrument => StreamOf(instrument, own, options));
        });
    }

    /// <summary>The view of an instrument: the most series it can have, or none for the instrument of another instance.</summary>
    public static MetricStreamConfiguration StreamOf(Instrument instrument, IMeterFactory own, MetricsOptions options) =>
        instrument.Meter.Scope == own || (instrument.Meter.Name == RuntimeMeter && s_runtime.Contains(instrument.Name))
            ? new MetricStreamConfiguration
            {
                CardinalityLimit = instrument.Meter.Name == GenAiMetrics.MeterName
                    ? GenAiMetrics.SeriesLimit(options.MaxModels)
                    : ProxyMetrics.SeriesLimit(instrument.Name, options.MaxModels),
            }
            : MetricStreamConfiguration.Drop;

    public static void MapPrometheus(this IEndpointRouteBuilder endpoints)
    {
        var services = endpoints.ServiceProvider;
        Observe(services);
        var exporter = endpoints.CreateApplicationBuilder();
        // This creates the meter provider, which records measurements from here on.
        exporter.UseOpenTelemetryPrometheusScrapingEndpoint(static _ => true);
        services.GetRequiredService<ProxyMetrics>().BeginAtZero();
        var options = services.GetRequiredService<ScrapeOptions>();
        var token = new AccessToken(options.Token, services.GetRequiredService<ProxyOptions>(), services.GetRequiredService<TimeProvider>());
        var answer = new MetricsAnswer(exporter.Build(), options, token, services.GetRequiredService<IOllamaClient>());
        endpoints.Map("/metrics", (RequestDelegate)answer.InvokeAsync);
    }

    /// <summary>Registers values that are read at each scrape instead of counted.</summary>
    private static void Observe(IServiceProvider services)
    {
        var (metrics, time) = (services.GetRequiredService<ProxyMetrics>(), services.GetRequiredService<TimeProvider>());
        var (ollama, running) = (services.GetRequiredService<OllamaWatch>(), services.GetRequiredService<RunningRequests>());
        metrics.ObserveOllama(ollama.Look, time);
        metrics.ObserveSilence(() => running.LongestSilence().TotalSeconds);
        if (services.GetRequiredService<AnalyticsOptions>() is { Backend: not "none", Directory: var folder })
        {
            metrics.ObserveFreeSpace(() => FreeBytes(folder));
            var health = services.GetRequiredService<StoreHealth>();
            metrics.ObserveStore(() => health.Problem is null ? 1 : 0);
        }
    }

    /// <summary>Null when the system does not report it.</summary>
    private static long? FreeBytes(string folder)
    {
        try
        {
            var path = Path.GetFullPath(folder);
            return new DriveInfo(OperatingSystem.IsWindows() ? Path.GetPathRoot(path)! : path).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
