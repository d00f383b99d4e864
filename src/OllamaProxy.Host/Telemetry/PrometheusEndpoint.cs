using System.Diagnostics.Metrics;
using OllamaProxy.Application.Telemetry;
using OpenTelemetry.Metrics;

namespace OllamaProxy.Host.Telemetry;

/// <summary>An OpenTelemetry meter provider over the program's instruments, read by <c>GET /metrics</c> in Prometheus' text format.</summary>
internal static class PrometheusEndpoint
{
    public static void AddPrometheus(this IServiceCollection services, MetricsOptions options) =>
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(ProxyMetrics.MeterName)
            .AddOwnView(options)
            .AddPrometheusExporter(exporter =>
            {
                exporter.ScrapeResponseCacheDurationMilliseconds = 0;
                exporter.ScopeInfoEnabled = false;
                exporter.TargetInfoEnabled = false;
            }));

    /// <summary>
    /// A meter provider hears every meter of that name in the process. Where several programs run in one (tests), each counts only what is its own, and keeps it
    /// when another one ends.
    /// </summary>
    private static MeterProviderBuilder AddOwnView(this MeterProviderBuilder metrics, MetricsOptions options) =>
        ((IDeferredMeterProviderBuilder)metrics).Configure((services, builder) =>
        {
            var own = services.GetRequiredService<IMeterFactory>();
            builder.AddView(instrument => ReferenceEquals(instrument.Meter.Scope, own)
                ? new MetricStreamConfiguration { CardinalityLimit = ProxyMetrics.SeriesLimit(instrument.Name, options.MaxModels) }
                : MetricStreamConfiguration.Drop);
        });

    public static void MapPrometheus(this IEndpointRouteBuilder endpoints) => endpoints.MapPrometheusScrapingEndpoint("/metrics");
}
