using OllamaProxy.Application.Telemetry;
using OpenTelemetry.Metrics;

namespace OllamaProxy.Host.Telemetry;

/// <summary>An OpenTelemetry meter provider over the program's instruments, read by <c>GET /metrics</c> in Prometheus' text format.</summary>
internal static class PrometheusEndpoint
{
    public static void AddPrometheus(this IServiceCollection services, MetricsOptions options) =>
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(ProxyMetrics.MeterName)
            .AddView(instrument => new MetricStreamConfiguration { CardinalityLimit = ProxyMetrics.SeriesLimit(instrument.Name, options.MaxModels) })
            .AddPrometheusExporter(exporter =>
            {
                exporter.ScrapeResponseCacheDurationMilliseconds = 0;
                exporter.ScopeInfoEnabled = false;
                exporter.TargetInfoEnabled = false;
            }));

    public static void MapPrometheus(this IEndpointRouteBuilder endpoints) => endpoints.MapPrometheusScrapingEndpoint("/metrics");
}
