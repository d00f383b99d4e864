using OllamaProxy.Application.Recording;
using OllamaProxy.Application.Telemetry;
using OllamaProxy.Infrastructure.Analytics;
using OllamaProxy.Infrastructure.Supervision;

namespace OllamaProxy.Host.Configuration;

/// <summary>Every option of the program, read and validated once, before anything starts.</summary>
internal sealed record ProxySettings
{
    public ProxyOptions Proxy { get; init; } = new();

    public OllamaOptions Ollama { get; init; } = new();

    public AnalyticsOptions Analytics { get; init; } = new();

    public RecordingOptions Recording { get; init; } = new();

    public MetricsOptions Metrics { get; init; } = new();
}
