using System.Diagnostics.Metrics;
using OllamaProxy.Application.Telemetry;
using OpenTelemetry.Metrics;

namespace OllamaProxy.Host.Telemetry;

/// <summary>An OpenTelemetry meter provider over the program's instruments, read by <c>GET /metrics</c> in Prometheus' text format.</summary>
internal static class PrometheusEndpoint
{
    public static void AddPrometheus(this IServiceCollection services, MetricsOptions options)
    {
        services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(ProxyMetrics.MeterName)
            .AddPrometheusExporter(exporter =>
            {
                exporter.ScrapeResponseCacheDurationMilliseconds = 0;
                exporter.ScopeInfoEnabled = false;
                exporter.TargetInfoEnabled = false;
            }));
        // A meter is found by its name, in the whole process; where several of this program run in one, as in tests, each tells of itself alone.
        services.ConfigureOpenTelemetryMeterProvider((provider, metrics) =>
        {
            var own = provider.GetRequiredService<IMeterFactory>();
            metrics.AddView(instrument => instrument.Meter.Scope == own
                ? new MetricStreamConfiguration { CardinalityLimit = ProxyMetrics.SeriesLimit(instrument.Name, options.MaxModels) }
                : MetricStreamConfiguration.Drop);
        });
    }

    public static void MapPrometheus(this IEndpointRouteBuilder endpoints) => endpoints.MapPrometheusScrapingEndpoint("/metrics");
}
