using System.Diagnostics.Metrics;
using MediatR;
using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Host.Commands;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace OllamaProxy.Host.Telemetry;

/// <summary>
/// Sends metrics and spans over OTLP, if OpenTelemetry's variables request it. It has its own meter provider, so <c>/metrics</c> stays without the metrics of
/// the GenAI conventions.
/// </summary>
internal sealed class OtlpExport(OpenTelemetryOptions options, MetricsOptions limits, IMeterFactory meters, ProxyMetrics metrics) : IHostedService
{
    /// <summary>How long a stop waits for a receiver that does not answer.</summary>
    private const int FlushMilliseconds = 5_000;

    private MeterProvider? _metrics;
    private TracerProvider? _traces;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        var variables = new ConfigurationBuilder().AddInMemoryCollection(options.Variables.Select(pair => KeyValuePair.Create(pair.Key, (string?)pair.Value)))
            .Build();
        if (options.ExportsMetrics)
        {
            _metrics = Sdk.CreateMeterProviderBuilder()
                .ConfigureServices(services => services.AddSingleton<IConfiguration>(variables))
                .ConfigureResource(Describe)
                .AddMeter(ProxyMetrics.MeterName, GenAiMetrics.MeterName, PrometheusEndpoint.RuntimeMeter)
                .AddView(instrument => PrometheusEndpoint.StreamOf(instrument, meters, limits))
                .AddOtlpExporter()
                .Build();
            metrics.BeginAtZero();
        }

        if (options.ExportsTraces)
        {
            _traces = Sdk.CreateTracerProviderBuilder()
                .ConfigureServices(services => services.AddSingleton<IConfiguration>(variables))
                .ConfigureResource(Describe)
                .AddSource(TraceExchange.SourceName)
                .AddOtlpExporter()
                .Build();
        }

        return Task.CompletedTask;
    }

    /// <summary>Sends the rest. It stops after recording has drained, so it includes the last records.</summary>
    public Task StopAsync(CancellationToken cancellationToken)
    {
        _metrics?.ForceFlush(FlushMilliseconds);
        _traces?.ForceFlush(FlushMilliseconds);
        _metrics?.Dispose();
        _traces?.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>The service name, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES set one.</summary>
    private static void Describe(ResourceBuilder resource) =>
        resource.Clear().AddService("ollama-proxy", serviceVersion: HelpText.Version).AddTelemetrySdk().AddEnvironmentVariableDetector();
}

/// <summary>Adds the export if it is requested.</summary>
internal static class OtlpServices
{
    public static void AddOtlp(this IServiceCollection services, OpenTelemetryOptions options)
    {
        if (options is { ExportsMetrics: false, ExportsTraces: false })
        {
            return;
        }

        services.AddHostedService<OtlpExport>();
        if (options.ExportsMetrics)
        {
            services.AddSingleton<INotificationHandler<RequestRecorded>, GenAiMetrics>();
        }

        if (options.ExportsTraces)
        {
            services.AddSingleton(new TracingOptions { CapturesContent = options.CapturesContent });
            services.AddSingleton<INotificationHandler<RequestRecorded>, TraceExchange>();
        }
    }
}
